"""Answers of a long prediction, kept part by part, so that a killed run goes on where it was."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowscope._about import __version__
from marrowscope.cell_pixels import CellImage
from marrowscope.io.atomic import replacing
from marrowscope.models.bundle import CALIBRATION, INT8_CONSTANTS, INT8_GRAPH, Bundle

ROWS_PER_PART = 2048  # rows; fewer in all are done before it would pay to keep them
SUFFIX = ".answers"
_NAME = re.compile(r"[0-9a-f]{32}\.npz")
_UNFINISHED = re.compile(r"\.[0-9a-f]{32}-\w+\.npz")  # a run killed while it wrote leaves this


@dataclass(frozen=True)
class PredictionPart:
    """Of some rows, in their order.

    Attributes:
        values: (N, classes) float32 probabilities, nan where there is none.
        errors: why an image has none.
        hashes: SHA-256 of the files' content, empty where it could not be read.
        notes: what was converted, or is odd, of each image.
    """

    values: NDArray[np.float32]
    errors: list[str | None]
    hashes: list[str]
    notes: list[str | None]


@dataclass(frozen=True)
class ResumeCache:
    """Where the parts of one prediction lie.

    Attributes:
        folder: of the parts; made when the first one is written.
        identity: of whatever decides an answer beside the image; other parts are not taken.
    """

    folder: Path
    identity: str

    @property
    def has_parts(self) -> bool:
        """Whether an earlier run left some."""
        return any(_NAME.fullmatch(path.name) for path in self.folder.glob("*.npz"))

    def clear(self) -> None:
        """Remove the parts, and the folder if nothing else is in it."""
        for path in self.folder.glob("*.npz"):
            if _NAME.fullmatch(path.name) or _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def part_path(self, cells: Sequence[CellImage]) -> Path:
        """Of the part with these cells, their files as they are now."""
        seen = hashlib.sha256(self.identity.encode())
        for cell in cells:
            facts = [cell.path, cell.microns_per_pixel, cell.place, *_state(cell.path)]
            seen.update(json.dumps(facts).encode())
        return self.folder / f"{seen.hexdigest()[:32]}.npz"


def prediction_identity(bundle: Bundle, *settings: object) -> str:
    """Of a bundle's weights and parts, and the settings that it predicts with.

    Args:
        bundle: the model.
        settings: with a ``str`` that tells them apart.
    """
    facts = (__version__, bundle.card.to_dict(), *map(str, settings))
    seen = hashlib.sha256(repr(facts).encode())
    # The card holds the checksum of the weights.
    beside = (INT8_GRAPH, INT8_CONSTANTS, CALIBRATION)
    paths = [] if bundle.folder is None else [bundle.folder / name for name in beside]
    for path in paths:
        if path.is_file():
            with path.open("rb") as stream:
                seen.update(path.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return seen.hexdigest()


def save_part(place: Path, answers: PredictionPart) -> None:
    """Write a part.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    text = json.dumps([answers.errors, answers.hashes, answers.notes]).encode()
    with replacing(place) as temporary, temporary.open("wb") as stream:
        np.savez(stream, values=answers.values, text=np.frombuffer(text, np.uint8))


def load_part(place: Path, rows: int, classes: int) -> PredictionPart | None:
    """A part, or None where it is not there or damaged (a zip has checksums)."""
    try:
        with np.load(place, allow_pickle=False) as stored:
            values = stored["values"]
            errors, hashes, notes = json.loads(stored["text"].tobytes())
    except Exception:  # whatever is wrong with it, it is made again
        return None
    if values.shape != (rows, classes) or values.dtype != np.float32:
        return None
    complete = len(errors) == len(hashes) == len(notes) == rows
    return PredictionPart(values, errors, hashes, notes) if complete else None


def _state(path: str | None) -> tuple[int, int] | tuple[()]:
    """Size and time of a file, which change with its content."""
    try:
        found = os.stat(path or "")
    except (OSError, ValueError):
        return ()
    return found.st_size, found.st_mtime_ns
