"""A network and a laboratory's cells → an adapted network, and its answers before and after.

Normalization statistics are measured again on the images alone. Labels, where there are some, teach
the last layer, which stays near the old one; with fifty cells of every class all layers learn: that
is better then, and takes minutes instead of seconds (docs/adaptation.md).
"""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from marrowscope.errors import InputError, TableError
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import Bundle
from marrowscope.models.outputs import OutputMap
from marrowscope.progress import Advance, Stage
from marrowscope.training.adaptation.adaptation_cells import AdaptationCells
from marrowscope.training.adaptation.anchored_layer import STRENGTH
from marrowscope.training.adaptation.fine_tuning import RATE, STEPS
from marrowscope.training.adaptation.network_features import (
    BATCH,
    Probabilities,
    head_probabilities,
    image_batches,
    last_layer,
    network_features,
)
from marrowscope.training.adaptation.normalization_statistics import (
    adapt_statistics,
    normalization_layers,
    weight_of_new,
)
from marrowscope.training.adaptation.teaching import ALL, AUTO, layers_to_teach, teach

MIN_SHOWN = 16  # images; of fewer the statistics are those of single cells
MAX_SHOWN = 2048  # more hardly change the statistics
# Statistics are left alone where cells are of fewer classes than this share of those known: those
# of lymphocytes alone make every cell worse (docs/adaptation.md).
SPREAD = 0.5


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
    layers: str = AUTO,
    seed: int = 0,
    device: str = "cpu",
    progress: Stage | None = None,
) -> AdaptedNetwork:
    """Adapt statistics to the cells shown, and layers to those that teach.

    Args:
        bundle: of ``require_adaptable``.
        cells: sorted by ``adaptation_cells``.
        layers: that labels teach, where cells do: ``last``, ``all``, or ``auto`` by their number.
        seed: of the order of the images and of a training.
        device: that computes, ``cpu`` or ``cuda``.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: too few images, or of too few classes to measure statistics without labels, or
            one cannot be read.
    """
    place = torch.device(device)
    old = copy.deepcopy(bundle.model).to(place).eval().requires_grad_(False)
    # As the images come: half as fast again on a processor.
    old.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    outputs = bundle.outputs
    network, steps, facts, said = old, list[str](), dict[str, Any](), list[str]()
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
            said.append(f"statistics of normalization stay as they are: {reason}")
    in_turns = cells.taught is cells.judged
    read = cells.judged if in_turns else pl.concat([cells.judged, cells.taught])
    judged = slice(0, cells.judged.height)
    stage = None if progress is None else progress("reading labelled cells")
    before, now = network_features([old, network], read, bundle.card.views, place, stage)
    answers = head_probabilities(before[:, judged], last_layer(old), outputs)
    after = head_probabilities(now[:, judged], last_layer(network), outputs)
    if cells.taught.height:
        counts = dict(cells.taught.group_by("label").len().sort("label").rows())
        which, remark = layers_to_teach(layers, counts, bundle, device)
        said += [remark] if remark else []
        made = teach(network, cells, now, outputs, which, seed=seed, progress=progress)
        network, after = made.network, made.after
        steps.append("all layers" if which == ALL else "last layer")
        facts |= {"labelled": counts, "strength": STRENGTH}
        facts |= {"training_steps": STEPS, "learning_rate": RATE} if which == ALL else {}
        said += _about_other_classes(bundle, set(counts))
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return AdaptedNetwork(network.cpu().eval(), tuple(steps), facts, answers, after, tuple(said))


def _about_other_classes(bundle: Bundle, labelled: set[str]) -> list[str]:
    left = [code for code in bundle.outputs.classes if code in bundle.card.known]
    left = [code for code in left if code not in labelled]
    if not left:
        return []
    return [
        f"no cell is labelled {', '.join(left)}: what became of these classes was not measured, "
        "and usually fewer of their cells are found than before; label some"
    ]


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
        for batch in image_batches(rows, BATCH, place, advance):
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
    for batch in image_batches(rows, size, place, advance):
        if len(batch) == size:
            yield batch
