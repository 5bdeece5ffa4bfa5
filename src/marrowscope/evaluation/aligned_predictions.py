"""Predictions of the same cells by several models go in; arrays in one order of cells come out."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import group_column, probability_codes
from marrowscope.dataset.laboratories import laboratory_names, laboratory_of_rows
from marrowscope.errors import InputError
from marrowscope.morphology import in_display_order


@dataclass(frozen=True)
class AlignedPredictions:
    """Answers of M models for the same N cells, in one order.

    Attributes:
        codes: classes that occur as label, answer or probability, in display order.
        truth: (N,) places of the labels in ``codes``.
        answers: (M, N) places of the answers.
        fold: (N,) place of each cell's fold in ``folds``; None without folds.
        folds: names.
        groups: (N,) patient or slide of each cell as a number; None without ids.
        unit: the column that the groups are of; ``cell`` without.
        laboratories: (N) of each cell, "" where it names none; () where there are not several.
    """

    codes: tuple[str, ...]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    fold: NDArray[np.int64] | None
    folds: tuple[str, ...]
    groups: NDArray[np.int64] | None
    unit: str
    laboratories: tuple[str, ...] = ()


def align_predictions(tables: dict[str, pl.DataFrame]) -> AlignedPredictions:
    """Bring the labelled cells of all tables into one order.

    Args:
        tables: by name of the model, with ``cell_id``, ``label``, ``predicted`` and, from a
            cross-validation, ``fold``.

    Raises:
        InputError: a column is missing, a cell has no answer or occurs twice, or the tables hold
            other cells, labels or folds.
    """
    prepared = {name: _prepared(name, table) for name, table in tables.items()}
    first, *others = prepared
    base = prepared[first]
    for name in others:
        _refuse_differing(first, base, name, prepared[name])
    occurring: set[str] = set()
    for name, rows in prepared.items():
        occurring |= set(rows["label"].to_list()) | set(rows["predicted"].to_list())
        occurring |= set(probability_codes(tables[name]))
    codes = tuple(in_display_order(occurring))
    place = {code: index for index, code in enumerate(codes)}
    folds = base["fold"].unique().sort().to_list() if "fold" in base.columns else []
    fold_place = {fold: index for index, fold in enumerate(folds)}
    unit = group_column(base)
    return AlignedPredictions(
        codes,
        np.array([place[code] for code in base["label"]], dtype=np.int64),
        np.array([[place[c] for c in rows["predicted"]] for rows in prepared.values()]),
        np.array([fold_place[fold] for fold in base["fold"]]) if len(folds) > 1 else None,
        tuple(str(fold) for fold in folds) if len(folds) > 1 else (),
        None if unit is None else np.unique(base[unit].to_numpy(), return_inverse=True)[1],
        unit or "cell",
        tuple(laboratory_of_rows(base).fill_null("").to_list())
        if len(laboratory_names(base)) > 1
        else (),
    )


def _prepared(name: str, table: pl.DataFrame) -> pl.DataFrame:
    """Labelled rows, sorted by cell."""
    for column in ("label", "predicted"):
        if column not in table.columns:
            raise InputError(f"{name}: has no column {column}; compare predictions of known cells")
    rows = table.filter(pl.col("label").is_not_null()).sort("cell_id")
    if rows.height == 0:
        raise InputError(f"{name}: no cell has a label")
    if rows["cell_id"].n_unique() < rows.height:
        raise InputError(f"{name}: holds a cell twice (same cell_id); keep one row of each")
    silent = rows.filter(pl.col("predicted").is_null())
    if silent.height:
        raise InputError(
            f"{name}: cell {silent['cell_id'][0]} has no prediction ({silent.height} in all); "
            "leave such cells out of every table"
        )
    if "fold" in rows.columns and rows["fold"].null_count() == rows.height:
        rows = rows.drop("fold")
    if "fold" in rows.columns and rows["fold"].null_count():
        raise InputError(f"{name}: some cells have a fold and others none")
    return rows


def _refuse_differing(first: str, base: pl.DataFrame, name: str, rows: pl.DataFrame) -> None:
    if base["cell_id"].to_list() != rows["cell_id"].to_list():
        shared = len(set(base["cell_id"]) & set(rows["cell_id"]))
        raise InputError(
            f"{first} and {name} predict different cells ({base.height} and {rows.height}, "
            f"{shared} in both); only predictions of the same cells can be compared"
        )
    if base["label"].to_list() != rows["label"].to_list():
        raise InputError(f"{first} and {name} hold different labels of the same cells")
    folds = [part["fold"].to_list() if "fold" in part.columns else None for part in (base, rows)]
    if folds[0] != folds[1]:
        raise InputError(
            f"{first} and {name} come from different folds; cross-validate both with the same "
            "table, folds and seed"
        )
