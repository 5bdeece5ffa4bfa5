"""Files of other tools → labels of cells, which are found by their id, else by their place."""

import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import read_cells
from marrowscope.errors import InputError
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.exchange.class_names import label_of
from marrowscope.io.json_data import JsonError, parse_json
from marrowscope.review.transfer.label_export import COCO, CSV, GEOJSON, LABEL_STUDIO, PARQUET

IMPORTED = (CSV, PARQUET, GEOJSON, COCO, LABEL_STUDIO)
LARGEST = 64_000_000  # bytes of a file
_NEAR = 3.0  # µm from the middle of a cell
_PIXEL = 0.08625  # µm, where it is not known


@dataclass(frozen=True)
class GivenLabel:
    """A label of a file.

    Attributes:
        code: class.
        uid: ``cell_id``, where the file carries it.
        picture: file name of the picture.
        place: x and y in px, counted from the middle of the first pixel.
    """

    code: str
    uid: str | None
    picture: str | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True)
class Matched:
    """Labels by the row of their cell, and what could not be matched, in words."""

    labels: dict[int, str]
    unmatched: list[str]


def read_labels(data: bytes, form: str) -> list[GivenLabel]:
    """The labels of a file.

    Args:
        data: its content.
        form: one of ``IMPORTED``.

    Raises:
        InputError: it is damaged, or of another format.
    """
    found = list(_label_studio(data)) if form == LABEL_STUDIO else _file_labels(data, form)
    if not found:
        raise InputError(f"{form}: holds no label")
    return found


def _file_labels(data: bytes, form: str) -> list[GivenLabel]:
    """Labels of a format whose reader takes a path."""
    with tempfile.TemporaryDirectory(prefix="marrowscope-") as folder:
        path = Path(folder) / form
        path.write_bytes(data)
        try:
            return list(_table(path) if form in (CSV, PARQUET) else _boxes(path))
        except InputError as error:
            told = str(error).replace(f"{folder}{os.sep}", "")
            raise InputError(told) from None


def match_labels(given: list[GivenLabel], cells: pl.DataFrame) -> Matched:
    """Find the cell of every label.

    Args:
        given: labels.
        cells: of ``reviewed_cells``.
    """
    by_uid = dict(cells.select("cell_id", "row").iter_rows())
    labels: dict[int, str] = {}
    unmatched = []
    for one in given:
        row = by_uid.get(one.uid) if one.uid is not None else None
        if row is None and one.place is not None:
            row = _nearest(one, cells)
        if row is None:
            where = one.uid or (f"{one.place[0]:.0f}, {one.place[1]:.0f}" if one.place else "?")
            unmatched.append(f"{where} ({one.code})")
        else:
            labels[row] = one.code
    return Matched(labels, unmatched)


def _nearest(one: GivenLabel, cells: pl.DataFrame) -> int | None:
    x, y = one.place or (math.nan, math.nan)
    near = cells.filter(pl.col("in_field") & pl.col("x").is_not_null())
    if one.picture is not None:
        named = near.filter(pl.col("path").str.ends_with(one.picture))
        near = named if named.height else near
    near = near.with_columns(
        away=((pl.col("x") - x) ** 2 + (pl.col("y") - y) ** 2).sqrt()
        * pl.col("microns_per_pixel").fill_null(_PIXEL)
    ).filter(pl.col("away") <= _NEAR)
    return int(near.sort("away")["row"][0]) if near.height else None


def _table(path: Path) -> Iterator[GivenLabel]:
    table = read_cells(path, required=("cell_id",))
    column = next((name for name in ("corrected", "label") if name in table.columns), None)
    if column is None:
        raise InputError(f"{path}: has no column label")
    for uid, code in table.select("cell_id", column).iter_rows():
        if uid is not None and code is not None:
            yield GivenLabel(str(code), uid)


def _boxes(path: Path) -> Iterator[GivenLabel]:
    found = read_boxes(path, path.parent)
    for box in found.boxes:
        code = label_of(box.name, {})[0]
        if code is None or (
            box.fault is not None and box.cell_id is None and box.x0 == box.x1 == 0
        ):
            continue
        x, y = box.centre or ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        name = os.path.basename(box.picture)
        yield GivenLabel(code, box.cell_id, name, (x - 0.5, y - 0.5))


def _label_studio(data: bytes) -> Iterator[GivenLabel]:
    try:
        tasks = parse_json(data)
    except JsonError as error:
        raise InputError(f"{LABEL_STUDIO}: is no JSON ({error})") from None
    if not isinstance(tasks, list):
        raise InputError(f"{LABEL_STUDIO}: is no list of tasks")
    for number, task in enumerate(tasks, 1):
        try:
            uid, code = task["data"]["cell_id"], _chosen(task.get("annotations") or [])
        except (KeyError, TypeError, AttributeError, IndexError):
            raise InputError(f"{LABEL_STUDIO}: task {number} is not as expected") from None
        if code is not None:
            yield GivenLabel(code, str(uid))


def _chosen(annotations: list[Any]) -> str | None:
    """The choice of the last annotation that has one and was not skipped."""
    for one in reversed(annotations):
        for result in one["result"] if not one.get("was_cancelled") else ():
            if result.get("type") == "choices":
                return label_of(str(result["value"]["choices"][0]), {})[0]
    return None
