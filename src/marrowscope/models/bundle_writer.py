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
from marrowscope.models.bundle import CARD, WEIGHTS, Bundle, bundle_weights, other_parts
from marrowscope.models.card import Card
from marrowscope.models.graph_part import (
    GRAPH,
    GRAPH_CONSTANTS,
    graph_problem,
    has_graph,
    make_graph,
)

if TYPE_CHECKING:  # comes with an extra
    from torch import nn


def save_bundle(
    model: "nn.Module", card: Card, folder: Path, parts: Mapping[str, bytes] | None = None
) -> Card:
    """Write a bundle in one rename; returns the card with checksum, versions and date filled in.

    A graph for OpenVINO is made and added, unless ``parts`` hold one of the same weights.

    Args:
        model: the network.
        card: what is said of it.
        folder: is made, or replaced if it is a bundle or empty.
        parts: further files by plain name.

    Raises:
        InputError: the folder cannot be written, or holds something else.
    """
    from marrowscope.models.network_tensors import TORCH_VERSION, encoded_tensors

    _require_place(folder)
    data = encoded_tensors(model)
    card = replace(
        card,
        weights_sha256=hashlib.sha256(data).hexdigest(),
        version=__version__,
        torch_version=TORCH_VERSION,
        created=card.created or datetime.now(UTC).strftime("%Y-%m-%d"),
    )
    parts = dict(parts or {})
    if not has_graph(card) or graph_problem(card, parts):
        card, parts = _with_graph(model, card, parts)
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
    if not card.graph and card.architecture != FEATURES and find_spec("torch") is not None:
        card, parts = _with_graph(bundle.model, card, parts)  # made by an earlier version
    _write(folder, card, bundle_weights(bundle.folder, bundle.card), parts)
    return card


def add_graph(bundle: Bundle, folder: Path) -> Card:
    """Write a bundle again with a graph that was made anew; needs torch.

    Returns:
        The new card.

    Raises:
        InputError: it is no network, OpenVINO cannot convert it, torch is missing, or the folder
            cannot be written.
    """
    name = bundle.card.name
    if bundle.card.architecture == FEATURES:
        raise InputError(f"{name}: is no network; there is no graph of it")
    card, parts = _with_graph(bundle.model, bundle.card, other_parts(bundle))
    if not has_graph(card):
        raise InputError(f"{name}: {card.graph.get('missing')}")
    return rewrite_bundle(bundle, card, folder, parts)


def _with_graph(
    model: "nn.Module", card: Card, parts: Mapping[str, bytes]
) -> tuple[Card, dict[str, bytes]]:
    others = {name: part for name, part in parts.items() if name not in (GRAPH, GRAPH_CONSTANTS)}
    if card.architecture == FEATURES:
        return replace(card, graph={}), others
    facts, made = make_graph(model, card)
    return replace(card, graph=facts), {**others, **made}


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
