"""Labels for located cells from boxes or outlines: matched by id where there is one, else by place.

A detected cell and an annotated one are the same when their centres lie nearer than half the longer
side of the annotated box (of a point: of the detected box); nearest pairs first, each cell once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes, labelled_boxes, notes_on_names
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.exchange.boxes import Box, BoxSet
from marrowscope.exchange.class_names import Synonyms
from marrowscope.exchange.geojson_writer import object_id
from marrowscope.io.image_file import SUFFIXES

# Without any box on either side (px): half a lymphocyte at 0.1 µm/px.
_REACH = 40.0
_SCHEMA = {
    "path": pl.String(),
    "cell_id": pl.String(),
    "object_id": pl.String(),
    **dict.fromkeys(("x", "y", "x0", "y0", "x1", "y1"), pl.Float64()),
    "label": pl.String(),
}


@dataclass(frozen=True)
class Matched:
    """Predictions with the labels of annotated cells.

    Attributes:
        table: the predictions, rows and order as they were, ``label`` null where nothing fits.
        matched: cells that have a label now; ``by_id`` of them by their id.
        by_id: see ``matched``.
        missed: annotated cells with a label that no prediction fits, by label.
        unseen: annotated cells with a label in pictures of which there is no prediction.
        unlabelled: predictions in annotated pictures that no label fits.
        elsewhere: predictions in pictures that are not annotated.
        notes: of the annotation file.
    """

    table: pl.DataFrame
    matched: int
    by_id: int
    missed: dict[str, int]
    unseen: int
    unlabelled: int
    elsewhere: int
    notes: tuple[str, ...]

    def sentences(self) -> tuple[str, ...]:
        """What was matched and what was not, for people."""
        lost = ", ".join(f"{label} {count}" for label, count in sorted(self.missed.items()))
        found = [
            f"{self.matched} cells have a label by their place or id ({self.by_id} by id); "
            f"{sum(self.missed.values())} annotated cells fit no prediction"
            f"{f' ({lost})' if lost else ''}; {self.unlabelled} predictions fit no annotation"
        ]
        if self.unseen:
            found.append(f"{self.unseen} annotated cells lie in pictures without predictions")
        if self.elsewhere:
            found.append(f"{self.elsewhere} predictions lie in pictures without annotations")
        return (*found, *self.notes)


def truth_from_boxes(
    predictions: pl.DataFrame, path: Path, synonyms: Synonyms | None = None
) -> Matched:
    """Give predictions the labels of a file or folder of boxes.

    Args:
        predictions: with ``cell_id``, ``x``, ``y``, and ``field_id``, ``slide_id`` or ``path`` of
            the picture.
        path: as for ``read_boxes``.
        synonyms: what the names in the file mean.

    Raises:
        InputError: the predictions have no places, the file cannot be read, it is of other
            pictures, or no cell fits.
    """
    missing = [name for name in ("cell_id", "x", "y") if name not in predictions.columns]
    if missing:
        raise InputError(
            f"{path}: labels by place need the column {missing[0]} in the predictions; "
            "detect, count, or 'marrowscope index --boxes' make it"
        )
    found = read_boxes(path)
    truth, notes = _placed(found, synonyms or {})
    truth = _with_ids(truth, predictions)
    return match(predictions, truth, found.pictures, notes, str(path))


def match(
    predictions: pl.DataFrame,
    truth: pl.DataFrame,
    pictures: Iterable[str],
    notes: tuple[str, ...],
    source: str,
) -> Matched:
    """Join labels of ``truth`` to predictions by id, then by place within each picture.

    Args:
        predictions: see ``truth_from_boxes``.
        truth: rows with ``path`` of the picture, ``cell_id``, ``x``, ``y``, ``label``, and boxes as
            far as they have them.
        pictures: that were annotated, those without a cell too.
        notes: handed on.
        source: named in errors.
    """
    labelled = truth.filter(pl.col("label").is_not_null() & pl.col("x").is_not_null())
    if not labelled.height:
        raise InputError(f"{source}: no cell in it has a class; nothing to compare with")
    labels: list[str | None] = [None] * predictions.height
    annotated = list(dict.fromkeys([*labelled["path"].to_list(), *pictures]))
    rows_by_picture = _rows_by_picture(predictions, annotated, source)
    known = labelled.filter(pl.col("cell_id").is_not_null())
    ids = dict(known.select("cell_id", "label").rows())
    used: set[str] = set()
    for row, name in enumerate(predictions["cell_id"].to_list()):
        if name in ids and name not in used:
            labels[row] = ids[name]
            used.add(name)
    by_id = len(used)
    looked_at: set[int] = {row for row, label in enumerate(labels) if label is not None}
    missed: Counter[str] = Counter()
    unseen = 0
    rest = labelled.filter(~pl.col("cell_id").is_in(sorted(used)).fill_null(False))
    there_by_picture = rest.partition_by("path", as_dict=True)
    for picture, rows in rows_by_picture.items():
        there = there_by_picture.get((picture,), rest.clear())
        if not rows:
            unseen += there.height
            continue
        free = [row for row in rows if labels[row] is None]
        pairs = _pairs(predictions[free], there)
        given = there["label"].to_list()
        for near, far in pairs:
            labels[free[near]] = given[far]
        fitted = {far for _, far in pairs}
        missed.update(label for number, label in enumerate(given) if number not in fitted)
        looked_at |= set(rows)
    matched = sum(label is not None for label in labels)
    if not matched:
        raise InputError(
            f"{source}: none of its {labelled.height} cells lies where a prediction does; is it of "
            "the same pictures, at full resolution?"
        )
    table = predictions.drop("label", strict=False).with_columns(
        pl.Series("label", labels, dtype=pl.String)
    )
    elsewhere = predictions.height - len(looked_at)
    unlabelled = len(looked_at) - matched
    return Matched(table, matched, by_id, dict(missed), unseen, unlabelled, elsewhere, notes)


def _placed(found: BoxSet, synonyms: Synonyms) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Annotated cells with their places, and what a reader must know of them.

    The pictures need not be at hand, unless places are shares of them.
    """
    if any(box.relative for box in found.boxes):
        cells = cells_from_boxes(found, synonyms)
        table = cells.table.filter(pl.col("error").is_null())
        unusable, notes = cells.table.height - table.height, cells.notes
    else:
        wanted, names = labelled_boxes(found, synonyms)
        rows = [_row(box, label) for box, label in wanted if box.fault is None]
        table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
        unusable, notes = len(wanted) - len(rows), (*found.notes, *notes_on_names(names))
    more = (f"{unusable} annotations cannot be used; 'marrowscope index --boxes' names each",)
    return table, (*notes, *(more if unusable else ()))


def _with_ids(truth: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """Cell ids from the objects' own, for QuPath before 0.5 keeps those and no metadata."""
    if "object_id" not in truth.columns or not truth["object_id"].count():
        return truth
    cells = {object_id(str(cell)): str(cell) for cell in predictions["cell_id"].drop_nulls()}
    own = pl.col("object_id").replace_strict(cells, default=None, return_dtype=pl.String)
    return truth.with_columns(cell_id=pl.coalesce("cell_id", own))


def _row(box: Box, label: str | None) -> tuple[str | float | None, ...]:
    middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    x, y = box.centre if box.centre is not None else middle
    sides = (None,) * 4 if box.is_point else (box.x0, box.y0, box.x1, box.y1)
    return (box.picture, box.cell_id, box.object_id, x - 0.5, y - 0.5, *sides, label)


def _rows_by_picture(
    predictions: pl.DataFrame, pictures: list[str], source: str
) -> dict[str, list[int]]:
    """Rows of the predictions in each annotated picture, told by its file name.

    Raises:
        InputError: no picture of the predictions is annotated.
    """
    names = _picture_names(predictions)
    rows_by_name: dict[str, list[int]] = {}
    for row, known in enumerate(names):
        for name in known:
            rows_by_name.setdefault(name, []).append(row)
    found: dict[str, list[int]] = {}
    for picture in pictures:
        for name in (Path(picture).name, Path(picture).stem):  # a.png before a.jpg, for a.png
            found[picture] = rows_by_name.get(name, [])
            if found[picture]:
                break
    if not any(found.values()):
        if len(pictures) == 1 and len({frozenset(known) for known in names}) == 1:
            return {pictures[0]: list(range(len(names)))}  # one picture each: what else could it be
        there = sorted({min(known) for known in names if known})[:3]
        raise InputError(
            f"{source}: is of {Path(pictures[0]).name}, and the predictions are of "
            f"{', '.join(there) or 'no named picture'}; name the file after its picture"
        )
    return found


def _picture_names(predictions: pl.DataFrame) -> list[set[str]]:
    """Names that the picture of each row may go by: of the field image, or of the slide."""
    columns = [
        predictions[name].to_list() if name in predictions.columns else [None] * predictions.height
        for name in ("field_id", "slide_id", "path")
    ]
    names = []
    for field, slide, path in zip(*columns, strict=True):
        if field is not None and str(field).lower().endswith(SUFFIXES):
            names.append({str(field), Path(str(field)).stem})
        elif slide is not None:
            names.append({str(slide)})
        else:
            names.append({Path(str(path)).name, Path(str(path)).stem} if path else set())
    return names


def _pairs(predicted: pl.DataFrame, truth: pl.DataFrame) -> list[tuple[int, int]]:
    """Pairs (prediction, annotation) of the same cell, nearest first, each row at most once."""
    if not predicted.height or not truth.height:
        return []
    ours, theirs = (table.select("x", "y").to_numpy().astype(float) for table in (predicted, truth))
    ours_reach, theirs_reach = _reach(predicted), _reach(truth)
    placed = np.flatnonzero(np.isfinite(ours).all(axis=1))
    if not len(placed):
        return []
    widest = float(np.nanmax(np.concatenate([ours_reach, theirs_reach, [_REACH]])))
    tree = cKDTree(ours[placed])
    candidates = []
    for far, near_by in enumerate(tree.query_ball_point(theirs, widest)):
        for near in placed[near_by]:
            distance = float(np.hypot(*(ours[near] - theirs[far])))
            reach = theirs_reach[far] if np.isfinite(theirs_reach[far]) else ours_reach[near]
            if distance <= (reach if np.isfinite(reach) else _REACH):
                candidates.append((distance, int(near), far))
    pairs, taken_near, taken_far = [], set(), set()
    for _, near, far in sorted(candidates):
        if near not in taken_near and far not in taken_far:
            pairs.append((near, far))
            taken_near.add(near)
            taken_far.add(far)
    return pairs


def _reach(table: pl.DataFrame) -> NDArray[np.float64]:
    """Half the longer side of each box in px, (N,); nan where there is none."""
    if not {"x0", "y0", "x1", "y1"} <= set(table.columns):
        return np.full(table.height, np.nan)
    sides = table.select(
        pl.max_horizontal(pl.col("x1") - pl.col("x0"), pl.col("y1") - pl.col("y0")).alias("side")
    )["side"].cast(pl.Float64)
    return np.asarray(sides.fill_null(float("nan")).to_numpy() / 2, dtype=np.float64)
