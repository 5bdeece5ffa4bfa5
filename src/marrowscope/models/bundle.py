"""A model on disk: a folder with ``model.safetensors``, ``card.json``, and known parts.

Weights are never unpickled. Loading checks everything before anything is used: the card, the
checksum, and every tensor's name, shape and type against the network that the card names.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from marrowscope._about import __version__
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing_folder
from marrowscope.models import NAMES, create
from marrowscope.models.backbone import backbone_from_bundle, is_backbone
from marrowscope.models.card import Card, card_from_dict
from marrowscope.models.features_svm import FEATURES, from_tensors
from marrowscope.models.outputs import OutputMap

WEIGHTS, CARD = "model.safetensors", "card.json"
# What may lie beside them: the int8 part, and the calibration.
INT8_GRAPH, INT8_CONSTANTS, CALIBRATION = "int8.xml", "int8.bin", "calibration.json"
MAX_PART_BYTES = 2_000_000_000
MAX_CARD_BYTES = 4_000_000
MAX_WEIGHT_BYTES = 8_000_000_000  # a ViT-g in float32 has 4.5


@dataclass(frozen=True)
class Bundle:
    """A network in evaluation mode with its card, and the folder that it was loaded from."""

    model: nn.Module
    card: Card
    folder: Path | None = None

    @property
    def outputs(self) -> OutputMap:
        """From the network's outputs to class probabilities."""
        return OutputMap(self.card.outputs, frozenset(self.card.known))


def save_bundle(
    model: nn.Module, card: Card, folder: Path, parts: Mapping[str, bytes] | None = None
) -> Card:
    """Write a bundle in one rename; returns the card with checksum, versions and date filled in.

    Args:
        model: the network.
        card: what is said of it.
        folder: is made, or replaced if it is a bundle or empty.
        parts: further files by plain name.

    Raises:
        InputError: the folder cannot be written, or holds something else.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CARD).is_file():
        raise InputError(f"{folder}: is not empty and holds no bundle; choose another folder")
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    data = save_tensors(tensors)
    card = replace(
        card,
        weights_sha256=hashlib.sha256(data).hexdigest(),
        version=__version__,
        torch_version=torch.__version__.split("+")[0],
        created=card.created or datetime.now(UTC).strftime("%Y-%m-%d"),
    )
    with replacing_folder(folder) as place:
        (place / WEIGHTS).write_bytes(data)
        for name, content in (parts or {}).items():
            (place / name).write_bytes(content)
        text = json.dumps(card.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        (place / CARD).write_text(text + "\n", encoding="utf-8")
    return card


def load_bundle(name: str | Path) -> Bundle:
    """Load a shipped bundle by name, or any bundle by its folder.

    Raises:
        InputError: one line that says what does not fit.
    """
    folder = _find(str(name))
    card = read_card(folder)
    data = read_part(folder, WEIGHTS, MAX_WEIGHT_BYTES)
    if hashlib.sha256(data).hexdigest() != card.weights_sha256:
        raise InputError(f"{folder / WEIGHTS}: checksum differs from the card; the file is damaged")
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{folder / WEIGHTS}: not a safetensors file ({reason})") from None
    if card.architecture == FEATURES:
        weights = str(folder / WEIGHTS)
        machine = from_tensors(tensors, len(card.outputs), len(card.known), weights)
        return Bundle(machine.eval(), card, folder)
    if is_backbone(card.architecture):
        weights = str(folder / WEIGHTS)
        backbone = backbone_from_bundle(card.architecture, tensors, len(card.outputs), weights)
        return Bundle(backbone.eval().requires_grad_(False), card, folder)
    if card.architecture not in NAMES:
        raise InputError(f"{folder / CARD}: architecture {card.architecture!r} is unknown")
    model = create(card.architecture, len(card.outputs))
    _check_tensors(model.state_dict(), tensors, folder / WEIGHTS)
    model.load_state_dict(tensors)
    model.eval()
    return Bundle(model.requires_grad_(False), card, folder)


def read_card(folder: Path) -> Card:
    """Read and check the card of a bundle.

    Raises:
        InputError: missing, not JSON, or a field is wrong.
    """
    path = folder / CARD
    data = read_part(folder, CARD, MAX_CARD_BYTES)
    try:
        content: Any = json.loads(data)
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8, no JSON, endless digits
        raise InputError(f"{path}: not JSON ({' '.join(str(error).split())[:120]})") from None
    return card_from_dict(content, str(path))


def other_parts(bundle: Bundle) -> dict[str, bytes]:
    """Files of a bundle beside network and card, by name, to be written again with them.

    Raises:
        InputError: one cannot be read.
    """
    names = (INT8_GRAPH, INT8_CONSTANTS, CALIBRATION)
    folder = bundle.folder
    if folder is None:
        return {}
    there = [name for name in names if (folder / name).exists()]
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
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path}: is a link out of the bundle")
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise InputError(f"{path}: not a regular file")
        if path.stat().st_size > limit:
            raise InputError(f"{path}: larger than {limit / 1e6:.0f} MB")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _check_tensors(
    expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor], path: Path
) -> None:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise InputError(f"{path}: tensor {name} is missing")
        if name not in expected:
            raise InputError(f"{path}: unexpected tensor {name}")
        wanted, got = expected[name], found[name]
        if wanted.shape != got.shape or wanted.dtype != got.dtype:
            raise InputError(
                f"{path}: tensor {name} is {tuple(got.shape)} {got.dtype}; "
                f"the network needs {tuple(wanted.shape)} {wanted.dtype}"
            )
        if not torch.isfinite(got).all():
            raise InputError(f"{path}: tensor {name} holds values that are not finite")
        if name.endswith("running_var") and (got < 0).any():
            raise InputError(f"{path}: tensor {name} holds negative variances")
