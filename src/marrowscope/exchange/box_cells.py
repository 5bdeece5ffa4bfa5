"""From boxes to a cell table: one row per box, with what is wrong with it if it cannot be used.

Nothing is dropped in silence: a box that cannot be used is a row with an ``error``, and what a
synonym file leaves out is counted.
"""

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cell_pixels import cell_digest
from marrowscope.cells import IN_FIELD, SCHEMA
from marrowscope.class_synonyms import nearest_in_words
from marrowscope.dataset.indexing import measure_file
from marrowscope.dataset.slide_places import slide_facts, with_pixel_sizes
from marrowscope.errors import InputError
from marrowscope.exchange.boxes import Box, BoxSet
from marrowscope.exchange.class_names import Synonyms, label_of
from marrowscope.io.image_file import SUFFIXES
from marrowscope.morphology import BY_CODE
from marrowscope.progress import Advance

_SLACK = 1.0  # px that a box may lie outside by rounding, without a note
_SIDES = dict.fromkeys(("x0", "y0", "x1", "y1"), pl.Float64())
_COLUMNS = (
    "cell_id",
    "path",
    "sha256",
    "error",
    "note",
    "width",
    "height",
    "bytes",
    "modified_ns",
    "slide_id",
    "field_id",
    "x",
    "y",
)
_ROW_SCHEMA: dict[str, pl.DataType] = {
    **{name: SCHEMA[name] for name in _COLUMNS},
    **_SIDES,
    **{name: SCHEMA[name] for name in ("microns_per_pixel", IN_FIELD, "label", "split")},
}


@dataclass(frozen=True)
class BoxCells:
    """The cells of a set of boxes.

    Attributes:
        table: cell table; ``path`` is the picture, ``x`` and ``y`` the centre in its px, ``x0``,
            ``y0``, ``x1``, ``y1`` the box (null of a point). Rows with an ``error`` cannot be used.
        names: how often each class name occurs in the file, and the label that it became; None
            of what is left out.
        left_out: boxes that are no row, because the synonym file says that they are not wanted.
        pictures: that were annotated.
        notes: sentences that a reader must see.
    """

    table: pl.DataFrame
    names: dict[str, tuple[int, str | None]]
    left_out: int
    pictures: int
    notes: tuple[str, ...]


def cells_from_boxes(
    found: BoxSet,
    synonyms: Synonyms | None = None,
    microns_per_pixel: float | None = None,
    advance: Advance | None = None,
    workers: int | None = None,
) -> BoxCells:
    """Make the cell table of a set of boxes.

    ``cell_id`` is made of the picture's content and the centre of the box, so that it is the same
    wherever the picture lies and in whatever format its boxes come; an id that the file carries
    stays.

    Args:
        found: of ``read_boxes``.
        synonyms: what the names of the file mean (``load_synonyms``).
        microns_per_pixel: of all pictures that do not say it.
        advance: called as ``advance(done, total=...)`` after every picture.
        workers: threads that read pictures; default: as many as there are cores.
    """
    wanted, names = labelled_boxes(found, synonyms or {})
    facts = _facts([box.picture for box, _ in wanted], microns_per_pixel, advance, workers)
    rows = [
        _row(box, label, facts[box.picture], found.sizes.get(box.picture), microns_per_pixel)
        for box, label in wanted
    ]
    _mark_repeated(rows)
    _name(rows)
    _place(rows)
    table = with_pixel_sizes(pl.DataFrame(rows, schema=_ROW_SCHEMA))
    empty = [name for name in ("split", "slide_id", "field_id") if not table[name].count()]
    left_out = len(found.boxes) - len(wanted)
    pictures = len(set(found.pictures))
    notes = (*found.notes, *notes_on_names(names))
    return BoxCells(table.drop(empty), names, left_out, pictures, notes)


def _place(rows: list[dict[str, Any]]) -> None:
    """Say that the pixels of each cell are those around its place, not the whole picture."""
    for row in rows:
        row[IN_FIELD] = row["x"] is not None
        if row["x"] is not None and row["sha256"] is not None:
            row["sha256"] = cell_digest(row["sha256"], (row["x"], row["y"]))


def labelled_boxes(
    found: BoxSet, synonyms: Synonyms
) -> tuple[list[tuple[Box, str | None]], dict[str, tuple[int, str | None]]]:
    """Boxes that are wanted with their labels; how often each name occurs, and its label."""
    names: dict[str, tuple[int, str | None]] = {}
    wanted: list[tuple[Box, str | None]] = []
    for box in found.boxes:
        label, keep = label_of(box.name, synonyms)
        if box.name is not None:
            names[box.name] = (names.get(box.name, (0, None))[0] + 1, label)
        if keep:
            wanted.append((box, label))
    return wanted, names


def notes_on_names(names: dict[str, tuple[int, str | None]]) -> tuple[str, ...]:
    """Which names are none of the 21 classes, and which are left out, with their numbers."""
    own = [
        ", ".join(filter(None, (f"{name} ({count})", nearest_in_words(name))))
        for name, (count, label) in sorted(names.items())
        if label is not None and label not in BY_CODE
    ]
    out = [f"{name} ({count})" for name, (count, label) in sorted(names.items()) if label is None]
    notes = []
    if own:
        notes.append(f"names that are none of the 21 classes stay as they are: {'; '.join(own)}")
    if out:
        notes.append(f"left out by the synonyms: {', '.join(out)}")
    return tuple(notes)


def _facts(
    pictures: list[str], microns: float | None, advance: Advance | None, workers: int | None
) -> dict[str, dict[str, Any]]:
    """What each picture is; of a place that is no picture of ours, what is wrong with it."""
    unique = list(dict.fromkeys(pictures))
    facts = {}
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        measured = pool.map(lambda path: _picture(path, microns), unique)
        for path, row in zip(unique, measured, strict=True):
            facts[path] = row
            if advance is not None:
                advance(1, total=len(unique))
    return facts


def _picture(path: str, microns: float | None) -> dict[str, Any]:
    """A field image as the index measures it, or a slide by its own facts."""
    row: dict[str, Any] = {"path": path, "error": None}
    if Path(path).suffix.lower() in SUFFIXES or not os.path.exists(path):
        row = measure_file(path)
        if row["error"] is None:
            return {**row, "field_id": Path(path).name}
        if not os.path.exists(path):
            return row
    try:
        facts = slide_facts(path, microns)
    except InputError as error:
        return {**row, "error": row["error"] or str(error).removeprefix(f"{path}: ")}
    if facts is None:
        return row if row["error"] else {**measure_file(path), "field_id": Path(path).name}
    return {**row, **facts, "error": None}


def _row(
    box: Box,
    label: str | None,
    picture: dict[str, Any],
    stated: tuple[int, int] | None,
    microns: float | None,
) -> dict[str, Any]:
    row = {name: picture.get(name) for name in _ROW_SCHEMA}
    row |= {"label": label, "split": box.split, "path": picture["path"]}
    row["cell_id"] = box.cell_id
    own = picture.get("microns_per_pixel") or box.microns_per_pixel
    row["microns_per_pixel"] = microns or own
    if box.fault is not None:
        # What is wrong with the box says more than that its file is no picture.
        return row | {"error": f"{box.fault} ({box.place})"}
    if picture.get("error") is not None:
        error = picture["error"]
        missing = error in ("no such file", "broken link")
        return row | {"error": f"unknown image: {error} ({box.place})" if missing else error}
    width, height = picture["width"], picture["height"]
    scale = (width, height) if box.relative else (1, 1)
    x0, x1 = box.x0 * scale[0], box.x1 * scale[0]
    y0, y1 = box.y0 * scale[1], box.y1 * scale[1]
    x, y = box.centre if box.centre is not None else ((x0 + x1) / 2, (y0 + y1) / 2)
    # A table counts from the centre of the first pixel, boxes from its corner.
    row |= {"x": x - 0.5, "y": y - 0.5}
    if not box.is_point:
        row |= {"x0": x0, "y0": y0, "x1": x1, "y1": y1}
    fault = _fault(box, (x0, y0, x1, y1), (x, y), (width, height), stated)
    if fault is not None:
        return row | {"error": f"{fault} ({box.place})"}
    notes = [note for note in (picture.get("note"), box.note) if note]
    if min(x0, y0) < -_SLACK or x1 > width + _SLACK or y1 > height + _SLACK:
        notes.append("box reaches out of the picture")
    return row | {"note": "; ".join(notes) or None}


def _fault(
    box: Box,
    corners: tuple[float, float, float, float],
    centre: tuple[float, float],
    size: tuple[int, int],
    stated: tuple[int, int] | None,
) -> str | None:
    (x0, y0, x1, y1), (width, height) = corners, size
    if stated is not None and stated != size:
        return (
            f"the file says that the picture has {stated[0]}×{stated[1]} px, but it has "
            f"{width}×{height}"
        )
    if not box.is_point and (x1 <= x0 or y1 <= y0):
        return f"box of no size ({x1 - x0:g}×{y1 - y0:g} px)"
    if x1 < 0 or y1 < 0 or x0 > width or y0 > height:
        return (
            f"box outside of the picture (x {x0:g} to {x1:g}, y {y0:g} to {y1:g}; the picture has "
            f"{width}×{height} px)"
        )
    if not (0 <= centre[0] <= width and 0 <= centre[1] <= height):
        return "centre of the box outside of the picture"
    return None


def _mark_repeated(rows: list[dict[str, Any]]) -> None:
    """Errors for the same box of the same picture, as the index does for repeated content."""
    groups: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["error"] is None:
            sides = tuple(round(row[side] or 0, 1) for side in _SIDES)
            key = (row["sha256"] or row["path"], round(row["x"], 1), round(row["y"], 1), sides)
            groups.setdefault(key, []).append(row)
    for same in (group for group in groups.values() if len(group) > 1):
        labels = {row["label"] for row in same if row["label"] is not None}
        kept = next((row for row in same if row["label"] is not None), same[0])
        for row in same:
            if len(labels) > 1:
                others = ", ".join(sorted(labels - {row["label"]}))
                row["error"] = f"the same box is labelled {others} too"
            elif row is not kept:
                row["error"] = f"the same box a second time ({kept['path']})"


def _name(rows: list[dict[str, Any]]) -> None:
    """Give every row a ``cell_id`` that is unique."""
    counts: Counter[str] = Counter()
    for row in rows:
        identity = row["cell_id"]
        if identity is None:
            # The name of a slide stands for it, as when cells are detected.
            content = row["sha256"] if row["slide_id"] is None else None
            source = content or hashlib.sha256(Path(row["path"]).name.encode()).hexdigest()
            # A tenth of a pixel: whole and half ones, as boxes have, are the same in all formats.
            x, y = (0.0 if row[axis] is None else row[axis] for axis in ("x", "y"))
            identity = f"{source[:12]}-x{x:.1f}y{y:.1f}"
        counts[identity] += 1
        row["cell_id"] = identity if counts[identity] == 1 else f"{identity}-{counts[identity]}"
