"""A network and a laboratory's cells → an adapted network, and its answers before and after.

Normalization statistics are measured again on the images alone. Labels, where there are some, teach
the last layer, which stays near the old one. What is below it keeps its weights: on so few cells
that is no worse than training all of it (docs/adaptation.md), takes seconds, and forgets nothing.
"""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import nn

from marrowscope.errors import InputError, TableError
from marrowscope.inference.torch_engine import symmetries
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import Bundle
from marrowscope.models.outputs import OutputMap
from marrowscope.progress import Advance, Stage
from marrowscope.training.adaptation.adaptation_cells import PART, AdaptationCells
from marrowscope.training.adaptation.anchored_layer import STRENGTH, anchored_layer
from marrowscope.training.adaptation.normalization_statistics import (
    adapt_statistics,
    normalization_layers,
    weight_of_new,
)
from marrowscope.training.pixel_source import PixelSource

BATCH = 32
MIN_SHOWN = 16  # images; of fewer the statistics are those of single cells
MAX_SHOWN = 2048  # more hardly change the statistics
# Statistics are left alone where cells are of fewer classes than this share of those known: those
# of lymphocytes alone make every cell worse (docs/adaptation.md).
SPREAD = 0.5

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class AdaptedNetwork:
    """What became of a network.

    Attributes:
        network: in evaluation mode, on the CPU.
        steps: what was done, in words for the card.
        facts: numbers for the card.
        before, after: (N, classes) probabilities of the judged cells; empty without any. What is
                ``after`` comes from networks that the label of that cell did not teach.
        remarks: what a user should know.
    """

    network: nn.Module
    steps: tuple[str, ...]
    facts: dict[str, Any]
    before: Probabilities
    after: Probabilities
    remarks: tuple[str, ...] = ()


def require_adaptable(bundle: Bundle, has_labels: bool) -> None:
    """Refuse models without something to adapt.

    Raises:
        InputError: it is no network, has no linear last layer, or, without labels, has no
            batch normalization.
    """
    name = bundle.card.name
    if bundle.card.architecture == FEATURES:
        raise InputError(
            f"{name}: is made of measured features, not a network; train one on these cells instead"
        )
    if not isinstance(getattr(bundle.model, "head", None), nn.Linear):
        raise InputError(
            f"{name}: its last layer is the vote of neighbours, which cannot be moved; train it "
            "again with these cells"
        )
    if not has_labels and not normalization_layers(bundle.model):
        raise InputError(
            f"{name}: has no batch normalization, so unlabelled images cannot adapt it; label some "
            "cells"
        )


def adapt_network(
    bundle: Bundle,
    cells: AdaptationCells,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Stage | None = None,
) -> AdaptedNetwork:
    """Adapt statistics to the cells shown, and the last layer to those that teach.

    Args:
        bundle: of ``require_adaptable``.
        cells: sorted by ``adaptation_cells``.
        seed: of the order of the images.
        device: that computes, ``cpu`` or ``cuda``.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: too few images, or of too few classes to measure statistics without labels, or
            one cannot be read.
    """
    place = torch.device(device)
    old = copy.deepcopy(bundle.model).to(place).eval().requires_grad_(False)
    outputs = bundle.outputs
    network, steps, facts = old, list[str](), dict[str, Any]()
    said: tuple[str, ...] = ()
    if normalization_layers(old):
        shown = _some(cells.shown, seed)
        stage = None if progress is None else progress("measuring statistics")
        spread = effective_classes(_classes_of(old, shown, outputs, place, stage))
        if spread >= SPREAD * len(outputs.known):
            weight = weight_of_new(shown.height)
            network = adapt_statistics(old, _whole_batches(shown, place, None), weight)
            steps.append("statistics of normalization")
            facts |= {"statistics_images": shown.height, "statistics_weight": round(weight, 3)}
        else:
            reason = (
                f"the cells are of {spread:.1f} classes, counted as if all were equally frequent; "
                f"{SPREAD * len(outputs.known):.1f} of the {len(outputs.known)} that "
                f"{bundle.card.name} knows are needed, or statistics would follow the classes "
                "instead of the laboratory"
            )
            if not cells.taught.height:
                raise TableError(f"{reason}: add cells of other classes, or label some")
            said = (f"statistics of normalization stay as they are: {reason}",)
    in_turns = cells.taught.height > 0 and cells.taught is cells.judged
    read = cells.judged if in_turns else pl.concat([cells.judged, cells.taught])
    judged = slice(0, cells.judged.height)
    stage = None if progress is None else progress("reading labelled cells")
    features = _features((old, network), read, bundle.card.views, place, stage)
    before = _probabilities(features[0][:, judged], _last_layer(old), outputs)
    head = _last_layer(network)
    after = _probabilities(features[1][:, judged], head, outputs)
    if cells.taught.height:
        lessons = features[1] if in_turns else features[1][:, cells.judged.height :]
        labels = _places(cells.taught, outputs)
        parts, judged_parts = (
            torch.from_numpy(rows[PART].to_numpy().copy()) for rows in (cells.taught, cells.judged)
        )
        for part in sorted(set(judged_parts.tolist())):
            others, rows = parts != part, judged_parts == part
            made = anchored_layer(lessons[:, others], labels[others], head, outputs)
            after[rows.numpy()] = _probabilities(features[1][:, judged][:, rows], made, outputs)
        network = copy.deepcopy(network)
        network.head = anchored_layer(lessons, labels, head, outputs)
        steps.append("last layer")
        counts = cells.taught.group_by("label").len().sort("label").rows()
        facts |= {"labelled": dict(counts), "strength": STRENGTH}
    return AdaptedNetwork(network.cpu().eval(), tuple(steps), facts, before, after, said)


def effective_classes(classes: Sequence[str]) -> float:
    """How many classes of equal share are as varied as these: exp of the Shannon entropy.

    Hill's number of order 1 (Ecology 1973).
    """
    counts = np.array(list(Counter(classes).values()), dtype=np.float64)
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _classes_of(
    network: nn.Module,
    rows: pl.DataFrame,
    outputs: OutputMap,
    place: torch.device,
    advance: Advance | None,
) -> list[str]:
    """Label of each cell where it is known, else what the network answers to one view."""
    answers: list[str] = []
    with torch.inference_mode():
        for batch in _batches(rows, BATCH, place, advance):
            best = outputs.log_probabilities(network(batch)).argmax(dim=1).tolist()
            answers += [outputs.classes[column] for column in best]
    labels = rows["label"].to_list()
    return [label or answer for label, answer in zip(labels, answers, strict=True)]


def _some(shown: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Images that the statistics are measured on, in mixed order: folders come class by class."""
    if shown.height < MIN_SHOWN:
        raise TableError(
            f"{shown.height} readable images; statistics are measured on {MIN_SHOWN} or more: add "
            "some, of all classes"
        )
    order = np.random.default_rng(seed).permutation(shown.height)[:MAX_SHOWN]
    return shown[order]


def _whole_batches(
    rows: pl.DataFrame, place: torch.device, advance: Advance | None
) -> Iterator[torch.Tensor]:
    """Batches of one size, as their statistics are averaged; a rest is left out."""
    size = min(BATCH, rows.height)
    for batch in _batches(rows, size, place, advance):
        if len(batch) == size:
            yield batch


def _batches(
    rows: pl.DataFrame, size: int, place: torch.device, advance: Advance | None
) -> Iterator[torch.Tensor]:
    """(N, 3, 250, 250) float32 in [0, 1] on the device."""
    pixels = PixelSource(rows, device=place.type)
    for start in range(0, rows.height, size):
        images, chosen = pixels.batch(np.arange(start, min(start + size, rows.height)))
        crops = images if chosen is None else images[chosen]
        yield crops.to(place).permute(0, 3, 1, 2).float() / 255.0
        if advance is not None:
            advance(len(crops), total=rows.height)


def _features(
    networks: Sequence[nn.Module],
    rows: pl.DataFrame,
    views: int,
    place: torch.device,
    advance: Advance | None,
) -> list[torch.Tensor]:
    """The input of each network's last layer, (V, N, D) float32 on the CPU; pixels are read once.

    D is 0 where there are no rows.
    """
    different = list(dict.fromkeys(networks))
    found: dict[nn.Module, list[torch.Tensor]] = {network: [] for network in different}
    with torch.inference_mode():
        for batch in _batches(rows, BATCH, place, advance) if rows.height else ():
            for network in different:
                seen = [network.features(view) for view in symmetries(batch, views)]  # type: ignore[operator]
                found[network].append(torch.stack(seen).float().cpu())
    whole = {
        network: torch.cat(parts, dim=1).clone() if parts else torch.zeros(views, 0, 0)
        for network, parts in found.items()
    }
    for one in whole.values():
        if not bool(torch.isfinite(one).all()):
            raise InputError("features of some image are not finite; the model is damaged")
    return [whole[network] for network in networks]


def _last_layer(network: nn.Module) -> nn.Linear:
    head = copy.deepcopy(network.get_submodule("head")).cpu()
    assert isinstance(head, nn.Linear)  # require_adaptable
    return head


def _probabilities(features: torch.Tensor, head: nn.Linear, outputs: OutputMap) -> Probabilities:
    """(N, classes), averaged over the views."""
    if not features.shape[1]:
        return np.empty((0, len(outputs.classes)), np.float32)
    with torch.inference_mode():
        found = [outputs.log_probabilities(head(view)).exp() for view in features]
        mean: Probabilities = torch.stack(found).mean(dim=0).numpy()
    return mean


def _places(rows: pl.DataFrame, outputs: OutputMap) -> torch.Tensor:
    """(N,) place of each label among the classes."""
    place = {code: index for index, code in enumerate(outputs.classes)}
    return torch.tensor([place[label] for label in rows["label"]])
