"""Tables of predictions and their labels come in; one table to be scored comes out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marrowscope.api.arguments import AnyPath, Cells, HasTable, as_table, file_names
from marrowscope.cells import read_cells
from marrowscope.errors import InputError
from marrowscope.evaluation.fold_scores import join_folds
from marrowscope.evaluation.truth_labels import add_labels
from marrowscope.exchange.class_names import load_synonyms
from marrowscope.exchange.position_truth import truth_from_boxes

_PLACED = ("predicted", "x", "y")
_TABLES = (".parquet", ".csv")


@dataclass(frozen=True)
class LabelledPredictions:
    """What is scored.

    Attributes:
        table: rows of all tables below each other.
        files: names of the tables that were files, with commas between.
        count: of the tables.
        remarks: what became of labels that were matched by place.
    """

    table: pl.DataFrame
    files: str
    count: int
    remarks: tuple[str, ...]

    @property
    def title(self) -> str:
        """Of a report on them."""
        if self.count > 1:
            return f"{self.count} tables"
        return Path(self.files).name if self.files else "predictions"


def labelled_predictions(
    predictions: Cells | Sequence[Cells],
    truth: Cells | None,
    split: str | None,
    synonyms: AnyPath | None = None,
) -> LabelledPredictions:
    """Join predictions and labels.

    Args:
        predictions: one table, or several, which are folds.
        truth: table with labels, matched by ``cell_id``, else by ``path``; or a file or folder of
            boxes, matched by place; None: the predictions have labels.
        split: rows of this split only.
        synonyms: YAML or CSV, names of boxes → class codes.

    Raises:
        InputError: a table cannot be read, lacks a column, or does not fit.
    """
    one = isinstance(predictions, str | os.PathLike | pl.DataFrame | HasTable)
    given: list[Cells] = [predictions] if one else list(predictions)  # type: ignore[list-item, arg-type]
    boxes = _boxes(truth)
    if synonyms is not None and boxes is None:
        raise InputError(f"`synonyms` {os.fspath(synonyms)}: works only with `truth` of boxes")
    names = {} if synonyms is None else load_synonyms(Path(synonyms))
    tables: list[pl.DataFrame] = []
    remarks: list[str] = []
    for cells in given:
        if boxes is not None:
            # By place: the cells of a count have no files of their own.
            matched = truth_from_boxes(_placed(cells), boxes, names)
            table, said = matched.table, matched.sentences()
            if "path" not in table.columns:
                table = table.with_columns(path=pl.lit(None, pl.String))
            remarks += said
        else:
            table = as_table(cells, ("predicted",))
            table = table if truth is None else _with_labels(table, truth)
        name = file_names([cells]) or "predictions"
        tables.append(table if split is None else _of_split(table, split, name))
    files = file_names(given)
    try:
        return LabelledPredictions(join_folds(tables), files, len(given), tuple(remarks))
    except InputError as error:
        raise InputError(f"{files}: {error}" if files else str(error)) from None


def _boxes(truth: Cells | None) -> Path | None:
    """A file or folder of boxes; None where the labels stand in a cell table."""
    if not isinstance(truth, str | os.PathLike):
        return None
    path = Path(truth)
    return path if path.is_dir() or path.suffix.lower() not in _TABLES else None


def _placed(cells: Cells) -> pl.DataFrame:
    if isinstance(cells, str | os.PathLike):
        return read_cells(Path(cells), needs=_PLACED, required=["cell_id"])
    return as_table(cells, ("cell_id", *_PLACED))


def _with_labels(table: pl.DataFrame, truth: Cells) -> pl.DataFrame:
    labels = as_table(truth, ("label",))
    try:
        return add_labels(table, labels)
    except InputError as error:
        raise InputError(f"{file_names([truth]) or '`truth`'}: {error}") from None


def _of_split(table: pl.DataFrame, split: str, name: str) -> pl.DataFrame:
    if "split" not in table.columns:
        raise InputError(
            f"{name}: has no column split; leave `split` out or evaluate a split table"
        )
    rows = table.filter(pl.col("split") == split)
    if rows.height == 0:
        there = sorted(set(table["split"].drop_nulls().to_list()))
        raise InputError(f"`split` {split}: {name} has only {', '.join(there) or 'empty splits'}")
    return rows
