"""A network or a loaded bundle, a card and parts go in; a bundle folder goes out, in one rename."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from marrowscope._about import __version__
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing_folder
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import (
    CALIBRATION,
    CARD,
    INT8_CONSTANTS,
    INT8_GRAPH,
    WEIGHTS,
    Bundle,
    bundle_weights,
    other_parts,
)
from marrowscope.models.card import Card
from marrowscope.models.graph_part import GRAPH_FILES, has_graph, make_graph, stored_graph

if TYPE_CHECKING:  # comes with an extra
    from torch import nn

_OF_WEIGHTS = (INT8_GRAPH, INT8_CONSTANTS, CALIBRATION)  # parts that are for these weights only
HALF_NOTE = "Weights were rounded to half precision; metrics were measured before."


def save_bundle(
    model: "nn.Module", card: Card, folder: Path, parts: Mapping[str, bytes] | None = None
) -> Card:
    """Write a bundle in one rename; returns the card with checksum, versions and date filled in.

    A graph for OpenVINO is made and added.

    Args:
        model: the network.
        card: what is said of it.
        folder: is made, or replaced if it is a bundle or empty.
        parts: further files by plain name.

    Raises:
        InputError: the folder cannot be written, or holds something else.
    """
    _require_place(folder)
    card, data = _encoded(model, card)
    card, parts = _with_graph(model, card, parts or {}, data)
    _write(folder, card, data, parts)
    return card


def rewrite_bundle(bundle: Bundle, card: Card, folder: Path, parts: Mapping[str, bytes]) -> Card:
    """Write a loaded bundle again with other parts; its weights stay as they are, byte for byte.

    One of an earlier version, without a graph, gets it where torch is installed.

    Args:
        bundle: from a folder; a network in memory is saved as ``save_bundle`` does it.
        card: its own, changed in what the parts need.
        folder: is made, or replaced if it is a bundle or empty.
        parts: files by plain name; ``other_parts`` gives those that the bundle has.

    Raises:
        InputError: the bundle cannot be read, or the folder cannot be written.
    """
    if bundle.folder is None:
        return save_bundle(bundle.model, card, folder, parts)
    _require_place(folder)
    weights = bundle_weights(bundle.folder, bundle.card)
    if not card.graph and card.architecture != FEATURES and find_spec("torch") is not None:
        # Made by an earlier version.
        card, parts = _with_graph(bundle.model, card, parts, weights)
    _write(folder, card, weights, parts)
    return card


def add_graph(bundle: Bundle, folder: Path, half: bool = False) -> Card:
    """Write a bundle again with a graph that was made anew; needs torch.

    Args:
        bundle: the bundle.
        folder: is made, or replaced if it is a bundle or empty.
        half: round weights of two and more dimensions to half precision before. Int8 part and
            calibration are left out then: they were made for other weights.

    Returns:
        The new card.

    Raises:
        InputError: it is no network, OpenVINO cannot convert it, torch is missing, a weight is too
            large, or the folder cannot be written.
    """
    name = bundle.card.name
    if bundle.card.architecture == FEATURES:
        raise InputError(f"{name}: is no network; there is no graph of it")
    _require_place(folder)
    model, card, parts = bundle.model, bundle.card, other_parts(bundle)
    if half:
        from marrowscope.models.network_tensors import rounded_to_half

        model = rounded_to_half(model)
        parts = {name: part for name, part in parts.items() if name not in _OF_WEIGHTS}
        note = card.note if HALF_NOTE in card.note else f"{card.note} {HALF_NOTE}".strip()
        card = replace(card, int8={}, note=note)
    if half or bundle.folder is None:
        card, weights = _encoded(model, card, half)
    else:
        weights = bundle_weights(bundle.folder, bundle.card)
    card, parts = _with_graph(model, card, parts, weights)
    if not has_graph(card):
        raise InputError(f"{name}: {card.graph.get('missing')}")
    _write(folder, card, weights, parts)
    return card


def _encoded(model: "nn.Module", card: Card, half: bool = False) -> tuple[Card, bytes]:
    """The card of a network's weights, and these."""
    from marrowscope.models.network_tensors import TORCH_VERSION, encoded_tensors

    data = encoded_tensors(model, half)
    card = replace(
        card,
        weights_sha256=hashlib.sha256(data).hexdigest(),
        version=__version__,
        torch_version=TORCH_VERSION,
        created=card.created or datetime.now(UTC).strftime("%Y-%m-%d"),
    )
    return card, data


def _with_graph(
    model: "nn.Module", card: Card, parts: Mapping[str, bytes], weights: bytes
) -> tuple[Card, dict[str, bytes]]:
    others = {name: part for name, part in parts.items() if name not in GRAPH_FILES}
    if card.architecture == FEATURES:
        return replace(card, graph={}), others
    facts, made = make_graph(model, card)
    stored = stored_graph(model, made, weights) if made else {}
    return replace(card, graph=facts), {**others, **stored}


def _require_place(folder: Path) -> None:
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CARD).is_file():
        raise InputError(f"{folder}: is not empty and holds no bundle; choose another folder")


def _write(folder: Path, card: Card, weights: bytes, parts: Mapping[str, bytes]) -> None:
    with replacing_folder(Path(folder)) as place:
        (place / WEIGHTS).write_bytes(weights)
        for name, content in parts.items():
            (place / name).write_bytes(content)
        text = json.dumps(card.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        (place / CARD).write_text(text + "\n", encoding="utf-8")
