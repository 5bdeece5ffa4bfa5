"""A model on disk: a folder with ``model.safetensors``, ``card.json``, and known parts.

Weights are never unpickled. Loading checks everything before anything is used: the card, the
checksum, and that all numbers are finite; where the network itself is asked for, every tensor's
name, shape and type against it. Computing from the ready graph needs no torch, and none is
imported.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from marrowscope._about import __version__
from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.io.atomic import replacing_folder
from marrowscope.io.json_data import JsonError, parse_json
from marrowscope.models.architectures import FEATURES, NETWORKS, is_backbone
from marrowscope.models.card import Card, card_from_dict
from marrowscope.models.graph_part import (
    GRAPH,
    GRAPH_CONSTANTS,
    MAX_CONSTANT_BYTES,
    MAX_GRAPH_BYTES,
    graph_problem,
    has_graph,
    make_graph,
    require_fitting,
)
from marrowscope.models.outputs import OutputMap
from marrowscope.models.weights_header import require_header

if TYPE_CHECKING:  # comes with an extra
    from torch import nn

WEIGHTS, CARD = "model.safetensors", "card.json"
# What may lie beside them: the graph, the int8 part, and the calibration.
INT8_GRAPH, INT8_CONSTANTS, CALIBRATION = "int8.xml", "int8.bin", "calibration.json"
PARTS = (GRAPH, GRAPH_CONSTANTS, INT8_GRAPH, INT8_CONSTANTS, CALIBRATION)
MAX_PART_BYTES = 8_000_000_000
MAX_CARD_BYTES = 4_000_000
MAX_WEIGHT_BYTES = 8_000_000_000  # a ViT-g in float32 has 4.5
MAX_OWN_BYTES = 1_000_000_000  # of our own networks, and of support vectors


class Bundle:
    """A model with its card, and the folder that it was loaded from.

    Attributes:
        card: what is said of it.
        folder: None for a network that was never saved.
    """

    def __init__(self, model: "nn.Module | None", card: Card, folder: Path | None = None) -> None:
        """Put network and card together.

        Args:
            model: the network; None: it is made of the folder's weights when it is asked for.
            card: of it.
            folder: where it lies; needed without a network.
        """
        if model is None and folder is None:
            raise ValueError("a bundle needs a network or the folder that it lies in")
        self.card, self.folder = card, folder
        self._given = model

    @cached_property
    def model(self) -> "nn.Module":
        """The network, in evaluation mode where it was loaded from disk; needs torch.

        Raises:
            InputError: torch is not installed, or a tensor does not fit the card.
        """
        if self._given is not None or self.folder is None:
            assert self._given is not None
            return self._given
        extra = "analysis" if self.card.architecture == FEATURES else "train"
        needed = ("torch", "mahotas", "skimage")  # those of them that the extra has
        require_extra(extra, f"the network of {self.card.name}", needed)
        from marrowscope.models.network_tensors import network_of

        return network_of(self.card, _weights(self.folder, self.card), self.folder / WEIGHTS)

    @property
    def outputs(self) -> OutputMap:
        """From the network's outputs to class probabilities."""
        return OutputMap(self.card.outputs, frozenset(self.card.known))

    @property
    def ready(self) -> bool:
        """Whether it brings a graph that can be computed without torch."""
        return self._given is None and has_graph(self.card)

    def graph(self) -> tuple[bytes, bytes]:
        """Graph and constants for OpenVINO.

        Raises:
            InputError: there is none, it is damaged, or was made for other weights or classes.
        """
        if not self.ready or self.folder is None:
            missing = self.card.graph.get("missing")
            reason = f": {missing}" if missing and self._given is None else ""
            raise InputError(f"{self.card.name}: the bundle has no graph{reason}")
        limits = {GRAPH: MAX_GRAPH_BYTES, GRAPH_CONSTANTS: MAX_CONSTANT_BYTES}
        # It holds the weights and little else: more is not read before it is refused.
        weights = self.folder / WEIGHTS
        if weights.is_file():
            limits[GRAPH_CONSTANTS] = min(MAX_CONSTANT_BYTES, 2 * weights.stat().st_size + 10**6)
        found = {name: read_part(self.folder, name, limit) for name, limit in limits.items()}
        require_fitting(self.card, found, str(self.folder / GRAPH))
        return found[GRAPH], found[GRAPH_CONSTANTS]


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
    _write(folder, card, _weights(bundle.folder, bundle.card), parts)
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


def load_bundle(name: str | Path) -> Bundle:
    """Load a shipped bundle by name, or any bundle by its folder; torch is not needed.

    Raises:
        InputError: one line that says what does not fit.
    """
    folder = _find(str(name))
    card = read_card(folder)
    if card.architecture not in (*NETWORKS, FEATURES) and not is_backbone(card.architecture):
        raise InputError(f"{folder / CARD}: architecture {card.architecture!r} is unknown")
    _check_numbers(_weights(folder, card), folder / WEIGHTS)
    return Bundle(None, card, folder)


def _weights(folder: Path, card: Card) -> bytes:
    """Content of the weights file.

    Raises:
        InputError: it cannot be read, or is not the one that the card was written for.
    """
    path = folder / WEIGHTS
    if path.is_file():
        require_header(path, MAX_WEIGHT_BYTES if is_backbone(card.architecture) else MAX_OWN_BYTES)
    data = read_part(folder, WEIGHTS, MAX_WEIGHT_BYTES)
    if hashlib.sha256(data).hexdigest() != card.weights_sha256:
        raise InputError(f"{folder / WEIGHTS}: checksum differs from the card; the file is damaged")
    return data


def _check_numbers(data: bytes, path: Path) -> None:
    try:
        arrays = load_arrays(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: not a safetensors file ({reason})") from None
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{path}: tensor {name} holds values that are not finite")
        if name.endswith("running_var") and (array < 0).any():
            raise InputError(f"{path}: tensor {name} holds negative variances")


def read_card(folder: Path) -> Card:
    """Read and check the card of a bundle.

    Raises:
        InputError: missing, not JSON, or a field is wrong.
    """
    path = folder / CARD
    data = read_part(folder, CARD, MAX_CARD_BYTES)
    try:
        content: Any = parse_json(data)
    except JsonError as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    return card_from_dict(content, str(path))


def other_parts(bundle: Bundle) -> dict[str, bytes]:
    """Files of a bundle beside network and card, by name, to be written again with them.

    Raises:
        InputError: one cannot be read.
    """
    folder = bundle.folder
    if folder is None:
        return {}
    there = [name for name in PARTS if (folder / name).exists()]
    return {name: read_part(folder, name, MAX_PART_BYTES) for name in there}


def available() -> list[Card]:
    """Cards of the bundles that come with the package, by name."""
    shipped = _shipped_folder()
    folders = sorted(shipped.iterdir()) if shipped.is_dir() else []
    return [read_card(folder) for folder in folders if (folder / CARD).is_file()]


def _shipped_folder() -> Path:
    return Path(str(files("marrowscope.models").joinpath("bundles")))


def is_bundle(name: str) -> bool:
    """Whether a name is a folder with a card, or a shipped model and no file or folder."""
    if os.path.lexists(name):
        return (Path(name) / CARD).is_file()
    return _is_shipped(name)


def _is_shipped(name: str) -> bool:
    # A shipped name is one plain path component: no separators, no dots that climb.
    plain = os.path.basename(name) == name and not name.startswith(".") and name != ""
    return plain and (_shipped_folder() / name / CARD).is_file()


def _find(name: str) -> Path:
    if Path(name).is_dir() and (is_bundle(name) or not _is_shipped(name)):
        return Path(name)
    if _is_shipped(name):
        return _shipped_folder() / name
    names = ", ".join(card.name for card in available()) or "none"
    raise InputError(f"{name}: neither a bundle folder nor a shipped model (shipped: {names})")


def read_part(folder: Path, name: str, limit: int) -> bytes:
    """A file of a bundle.

    Raises:
        InputError: missing, a link out of the bundle, not a regular file, or too large.
    """
    path = folder / name
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{path}: is a link out of the bundle")
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise InputError(f"{path}: not a regular file")
        if path.stat().st_size > limit:
            raise InputError(f"{path}: larger than {limit / 1e6:.0f} MB")
        return path.read_bytes()
    except RuntimeError:  # so Python before 3.13 says it
        raise InputError(f"{path}: is a link that leads to itself") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
