"""A network and labelled cells → the network that they teach, and what it answers unprompted.

A cell of a part is answered by a network that no cell of that part has taught.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import nn

from marrowscope.dataset.stain_vectors import stain_array, with_stains
from marrowscope.errors import InputError
from marrowscope.models.bundle import Bundle
from marrowscope.models.outputs import OutputMap
from marrowscope.progress import Stage
from marrowscope.training.adaptation.adaptation_cells import PART, AdaptationCells
from marrowscope.training.adaptation.anchored_layer import anchored_layer, labelled_classes
from marrowscope.training.adaptation.fine_tuning import Lessons, fine_tune
from marrowscope.training.adaptation.network_features import (
    Probabilities,
    head_probabilities,
    last_layer,
    network_features,
)
from marrowscope.training.pixel_source import PixelSource

AUTO, NONE, LAST, ALL = "auto", "none", "last", "all"
LAYERS = (AUTO, NONE, LAST, ALL)
# With so many labelled cells of every class all layers learn better than the last one
# (docs/adaptation.md).
CELLS_FOR_ALL = 50
# Above this a processor would take hours for what ``auto`` promises in minutes.
MAX_ON_PROCESSOR = 10_000_000


@dataclass(frozen=True)
class TaughtNetwork:
    """What labels made of a network.

    Attributes:
        network: taught by all labelled cells, on the device that trained it.
        after: (N, classes) probabilities of the judged cells, each by a network that it has not
            taught.
    """

    network: nn.Module
    after: Probabilities


def require_layers(layers: str) -> None:
    """Refuse an unknown choice.

    Raises:
        InputError: it is none of ``LAYERS``.
    """
    if layers not in LAYERS:
        raise InputError(f"`layers` {layers}: expected {', '.join(LAYERS[:-1])} or {LAYERS[-1]}")


def layers_to_teach(
    layers: str, labelled: Mapping[str, int], bundle: Bundle, device: str
) -> tuple[str, str | None]:
    """Which layers labels teach, ``last`` or ``all``, and what should be said about it.

    Args:
        layers: ``last``, ``all``, or ``auto``: all where there are ``CELLS_FOR_ALL`` labelled cells
            of every class that the model knows, and the device trains it in minutes.
        labelled: cells by class.
        bundle: the model.
        device: ``cpu`` or ``cuda``.
    """
    if layers != AUTO:
        return layers, None
    if min(labelled.values()) < CELLS_FOR_ALL:
        return LAST, None
    left = [code for code in bundle.card.known if code not in labelled]
    if left:
        return LAST, (
            f"labels teach the last layer only: no cell is labelled {', '.join(left)}, and all "
            "layers would unlearn what nobody shows them; `layers=all` trains them all the same"
        )
    size = sum(one.numel() for one in bundle.model.parameters())
    if device == "cpu" and size > MAX_ON_PROCESSOR:
        return LAST, (
            f"labels teach the last layer only: to train all {size / 1e6:.0f} million weights "
            "takes a GPU, or hours and `layers=all`"
        )
    return ALL, None


def teach(
    network: nn.Module,
    cells: AdaptationCells,
    features: torch.Tensor,
    outputs: OutputMap,
    layers: str,
    *,
    seed: int = 0,
    progress: Stage | None = None,
) -> TaughtNetwork:
    """Teach a network with labelled cells.

    Args:
        network: in evaluation mode, on the device that computes; is not changed.
        cells: ``taught`` teaches, ``judged`` is answered.
        features: (V, N, D) of the judged cells, and after these of those that teach where they are
            others.
        outputs: what the outputs of the network stand for.
        layers: ``last`` or ``all``.
        seed: of the order of the images and of their augmentation.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: an image cannot be read, or a loss is not finite.
    """
    place = next(network.parameters()).device
    judged = cells.judged.height
    seen = features[:, :judged]
    lessons = seen if cells.taught is cells.judged else features[:, judged:]
    labels = label_places(cells.taught, outputs)
    among = OutputMap(outputs.outputs, labelled_classes(labels, outputs))
    parts, judged_parts = (rows[PART].to_numpy() for rows in (cells.taught, cells.judged))
    held_out = [part for part in np.unique(judged_parts) if (parts == part).any()]
    runs = len(held_out) + 1
    material = _material(cells.taught, labels, place) if layers == ALL else None

    def taught_by(chosen: np.ndarray, number: int) -> nn.Module:
        made = copy.deepcopy(network)
        rows = torch.from_numpy(chosen)
        made.head = anchored_layer(lessons[:, rows], labels[rows], last_layer(network), outputs)
        made.to(place)
        if material is None:
            return made
        stage = None if progress is None else progress(f"training network {number} of {runs}")
        return fine_tune(made, material, np.flatnonzero(chosen), among, seed=seed, advance=stage)

    def answered_by(made: nn.Module, rows: np.ndarray) -> Probabilities:
        if material is None:
            own = seen[:, torch.from_numpy(rows)]
        else:
            chosen = cells.judged.filter(pl.Series(rows))
            own = network_features([made], chosen, len(features), place, None)[0]
        return head_probabilities(own, last_layer(made), outputs)

    after = np.empty((judged, len(outputs.classes)), np.float32)
    whole = taught_by(np.ones(len(parts), bool), runs)
    for number, part in enumerate(np.unique(judged_parts), 1):
        made = taught_by(parts != part, number) if part in held_out else whole
        after[judged_parts == part] = answered_by(made, judged_parts == part)
    return TaughtNetwork(whole, after)


def label_places(rows: pl.DataFrame, outputs: OutputMap) -> torch.Tensor:
    """(N,) place of each label among the classes."""
    place = {code: index for index, code in enumerate(outputs.classes)}
    return torch.tensor([place[label] for label in rows["label"]])


def _material(rows: pl.DataFrame, labels: torch.Tensor, place: torch.device) -> Lessons:
    stains = stain_array(with_stains(rows))
    return Lessons(PixelSource(rows, device=place.type), stains, labels.numpy())
