"""A model on disk: a folder with ``model.safetensors``, ``card.json``, and known parts.

Weights are never unpickled. Loading checks everything before anything is used: the card, the
checksum, and that all numbers are finite; where the network itself is asked for, every tensor's
name, shape and type against it. Computing from the ready graph needs no torch, and none is
imported.
"""

import hashlib
import os
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.io.json_data import JsonError, parse_json
from marrowscope.models.architectures import FEATURES, NETWORKS, is_backbone
from marrowscope.models.card import Card, card_from_dict
from marrowscope.models.graph_constants import MAX_LAYOUT_BYTES, join_constants
from marrowscope.models.graph_part import (
    GRAPH,
    GRAPH_CONSTANTS,
    GRAPH_FILES,
    GRAPH_LAYOUT,
    MAX_CONSTANT_BYTES,
    MAX_GRAPH_BYTES,
    has_graph,
    require_fitting,
)
from marrowscope.models.outputs import OutputMap
from marrowscope.models.weights_header import require_header

if TYPE_CHECKING:  # comes with an extra
    from torch import nn

WEIGHTS, CARD = "model.safetensors", "card.json"
# What may lie beside them: the graph, the int8 part, and the calibration.
INT8_GRAPH, INT8_CONSTANTS, CALIBRATION = "int8.xml", "int8.bin", "calibration.json"
PARTS = (*GRAPH_FILES, INT8_GRAPH, INT8_CONSTANTS, CALIBRATION)
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

        return network_of(self.card, bundle_weights(self.folder, self.card), self.folder / WEIGHTS)

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
        # It holds the weights at most, which may lie there in half the bytes, and little else: more
        # is not read before it is refused.
        weights = self.folder / WEIGHTS
        if weights.is_file():
            limits[GRAPH_CONSTANTS] = min(MAX_CONSTANT_BYTES, 3 * weights.stat().st_size + 10**6)
        found = {name: read_part(self.folder, name, limit) for name, limit in limits.items()}
        layout = self.folder / GRAPH_LAYOUT
        if os.path.lexists(layout):  # the rest of the constants is in the weights
            found[GRAPH_CONSTANTS] = join_constants(
                read_part(self.folder, GRAPH_LAYOUT, MAX_LAYOUT_BYTES),
                found[GRAPH_CONSTANTS],
                bundle_weights(self.folder, self.card),
                str(layout),
            )
        require_fitting(self.card, found, str(self.folder / GRAPH))
        return found[GRAPH], found[GRAPH_CONSTANTS]


def load_bundle(name: str | Path) -> Bundle:
    """Load a shipped bundle by name, or any bundle by its folder; torch is not needed.

    Raises:
        InputError: one line that says what does not fit.
    """
    folder = _find(str(name))
    card = read_card(folder)
    if card.architecture not in (*NETWORKS, FEATURES) and not is_backbone(card.architecture):
        raise InputError(f"{folder / CARD}: architecture {card.architecture!r} is unknown")
    _check_numbers(bundle_weights(folder, card), folder / WEIGHTS)
    return Bundle(None, card, folder)


def bundle_weights(folder: Path, card: Card) -> bytes:
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
