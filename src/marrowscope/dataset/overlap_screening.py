"""A cell table → the table without images that show parts of the same field twice."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import CellImage, cell_images, read_cell
from marrowscope.dataset.crop_orientations import ORIENTATIONS
from marrowscope.dataset.landmarks import NO_LANDMARKS, Landmarks, landmarks
from marrowscope.dataset.overlap_detection import Overlap, connected_groups, find_overlaps
from marrowscope.io.atomic import replacing
from marrowscope.io.image_file import ImageError
from marrowscope.progress import Advance

CHUNK = 512  # images whose landmarks are kept together
OVERLAPS = "shows part of the same field as "


@dataclass(frozen=True)
class ScreeningResult:
    """The result of a screen.

    Attributes:
        table: the rows as they came, with ``overlap_group`` (id of the kept cell, null without an
            overlap); those dropped have an ``error`` that names the kept image.
        pairs: ``cell_one``, ``cell_two``, ``orientation`` and ``scale`` (what has to be done to
            the second crop), ``dx``, ``dy`` (where it then begins in the first, px at 0.08625 µm),
            ``shared`` (share of a crop), ``correlation``.
        unread: (path, reason) of images that could not be looked at.
    """

    table: pl.DataFrame
    pairs: pl.DataFrame
    unread: tuple[tuple[str, str], ...]


def screen(
    table: pl.DataFrame, parts: Path | None = None, advance: Advance | None = None
) -> ScreeningResult:
    """Find overlapping images and keep one of each group.

    Kept is the image with a label rather than one without; among these the one with the smallest
    content hash, which depends on no order and no machine.

    Args:
        table: cell table; rows with an ``error`` are not looked at.
        parts: folder in which landmarks are kept while it runs, so that a killed run continues; it
            is removed at the end.
        advance: progress over images.

    Raises:
        InputError: ``parts`` cannot be written.
    """
    errors = table["error"].to_list() if "error" in table.columns else [None] * table.height
    rows = [row for row, error in enumerate(errors) if error is None]
    paths, cells = table["path"].to_list(), cell_images(table)
    keys = _keys(table)
    found: list[Landmarks] = []
    unread: list[tuple[str, str]] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            name = hashlib.sha256("\n".join(keys[row] for row in part).encode()).hexdigest()[:24]
            place = None if parts is None else parts / f"{name}.npz"
            known = None if place is None else _load(place, len(part))
            if known is None:
                work = pool.map(_look, (cells[row] for row in part))
                known, before = [], len(unread)
                for row, answer in zip(part, work, strict=True):
                    if isinstance(answer, str):
                        unread.append((paths[row], answer))
                        answer = NO_LANDMARKS
                    known.append(answer)
                if place is not None and len(unread) == before:
                    _save(place, known)
            found += known
            if advance is not None:
                advance(len(part), total=len(rows))

    @lru_cache(maxsize=256)
    def crop(number: int) -> NDArray[np.uint8]:
        return read_cell(cells[rows[number]])

    pairs = find_overlaps(found, crop)
    if parts is not None:
        shutil.rmtree(parts, ignore_errors=True)
    return ScreeningResult(
        _marked(table, rows, keys, pairs), _listed(table, rows, pairs), tuple(unread)
    )


def _keys(table: pl.DataFrame) -> list[str]:
    column = "sha256" if "sha256" in table.columns else "cell_id"
    return [str(value) for value in table[column].to_list()]


def _look(cell: CellImage) -> Landmarks | str:
    try:
        return landmarks(read_cell(cell))
    except ImageError as error:
        return error.reason


def _save(place: Path, known: list[Landmarks]) -> None:
    counts = np.array([len(one.places) for one in known])
    with replacing(place) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            counts=counts,
            places=np.concatenate([one.places for one in known]),
            descriptors=np.concatenate([one.descriptors for one in known]),
        )


def _load(place: Path, count: int) -> list[Landmarks] | None:
    """Landmarks of a part, or None where they are not there or damaged (a zip has checksums)."""
    try:
        with np.load(place, allow_pickle=False) as stored:
            counts, places = stored["counts"], stored["places"]
            descriptors = stored["descriptors"]
    except Exception:  # whatever is wrong with it, it is made again
        return None
    if len(counts) != count or not counts.sum() == len(places) == len(descriptors):
        return None
    bounds = np.concatenate(([0], np.cumsum(counts)))
    return [Landmarks(places[low:high], descriptors[low:high]) for low, high in pairwise(bounds)]


def _marked(
    table: pl.DataFrame, rows: list[int], keys: list[str], pairs: list[Overlap]
) -> pl.DataFrame:
    labels = table["label"].to_list() if "label" in table.columns else [None] * table.height
    paths, cells = table["path"].to_list(), table["cell_id"].to_list()
    errors = table["error"].to_list() if "error" in table.columns else [None] * table.height
    group: list[str | None] = [None] * table.height
    members: dict[int, list[int]] = {}
    for number, root in enumerate(connected_groups(len(rows), pairs)):
        members.setdefault(root, []).append(rows[number])
    for together in members.values():
        if len(together) < 2:
            continue
        kept = min(together, key=lambda row: (labels[row] is None, keys[row], row))
        for row in together:
            group[row] = cells[kept]
            if row != kept:
                errors[row] = f"{OVERLAPS}{paths[kept]}, which is kept"
    return table.with_columns(
        pl.Series("error", errors, dtype=pl.String),
        pl.Series("overlap_group", group, dtype=pl.String),
    )


def _listed(table: pl.DataFrame, rows: list[int], pairs: list[Overlap]) -> pl.DataFrame:
    cells = table["cell_id"].to_list()

    def lines() -> Iterator[tuple[str, str, str, float, int, int, float, float]]:
        for pair in pairs:
            yield (
                cells[rows[pair.one]],
                cells[rows[pair.two]],
                ORIENTATIONS[pair.orientation],
                round(pair.scale, 4),
                pair.dx,
                pair.dy,
                round(pair.shared, 4),
                round(pair.correlation, 4),
            )

    schema = {
        "cell_one": pl.String,
        "cell_two": pl.String,
        "orientation": pl.String,
        "scale": pl.Float64,
        "dx": pl.Int32,
        "dy": pl.Int32,
        "shared": pl.Float64,
        "correlation": pl.Float64,
    }
    return pl.DataFrame(list(lines()), schema=schema, orient="row")
