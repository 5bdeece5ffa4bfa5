"""Predictions with folds → scores over the folds, as in the study's Table 1."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.dataset.laboratories import laboratory_of_rows
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluation_result import (
    PER_CLASS,
    TOTALS,
    ClassFoldScores,
    FoldScores,
    FoldStatistics,
)
from marrowscope.scoring import confusion_matrix, score


def join_folds(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Predictions of several runs below each other.

    Their ``fold`` column stays when every row has one and no fold is in two tables; otherwise every
    table is a fold, numbered from 0 in the order given.

    Raises:
        InputError: columns of the same name hold different kinds of values.
    """
    if len(tables) == 1:
        return tables[0]
    named = [
        set(table["fold"].to_list()) if "fold" in table.columns else {None} for table in tables
    ]
    if None in set.union(*named) or sum(map(len, named)) > len(set.union(*named)):
        tables = [
            table.with_columns(pl.lit(place, pl.Int32).alias("fold"))
            for place, table in enumerate(tables)
        ]
    try:
        return pl.concat(tables, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"the tables do not fit together ({reason})") from None


def scores_over_folds(
    rows: pl.DataFrame,
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    codes: tuple[str, ...],
    tolerant: NDArray[np.bool_],
) -> FoldScores | None:
    """Score every fold; None when there are not at least two.

    Args:
        rows: (N) evaluated cells; those without a ``fold`` take no part.
        truth, predicted: (N,) places in ``codes``.
        codes: the classes.
        tolerant: (C, C) what counts as correct in the tolerant scores.
    """
    if "fold" not in rows.columns:
        return None
    column = rows["fold"]
    names = column.drop_nulls().unique().sort().to_list()
    if len(names) < 2:
        return None
    members = [(column == name).fill_null(False).to_numpy() for name in names]
    matrices = np.stack(
        [confusion_matrix(truth[chosen], predicted[chosen], len(codes)) for chosen in members]
    )
    present = matrices.sum(axis=2) > 0  # (F, C): a class without a cell says nothing in that fold
    totals: dict[str, dict[str, FoldStatistics]] = {}
    by_class: dict[str, list[dict[str, FoldStatistics]]] = {}
    for kind, correct in (("strict", None), ("tolerant", tolerant)):
        scores = score(matrices, correct)
        totals[kind] = {name: _spread(getattr(scores, name)) for name in TOTALS}
        values = {name: np.where(present, getattr(scores, name), np.nan) for name in PER_CLASS}
        by_class[kind] = [
            {name: _spread(values[name][:, place]) for name in PER_CLASS}
            for place in range(len(codes))
        ]
    return FoldScores(
        names=_fold_names(rows, members, names),
        cells=tuple(int(matrix.sum()) for matrix in matrices),
        strict=totals["strict"],
        tolerant=totals["tolerant"],
        classes=tuple(
            ClassFoldScores(
                code,
                int(present[:, place].sum()),
                by_class["strict"][place],
                by_class["tolerant"][place],
            )
            for place, code in enumerate(codes)
        ),
    )


def _fold_names(
    rows: pl.DataFrame, members: list[NDArray[np.bool_]], numbers: list[int]
) -> tuple[str, ...]:
    """Numbers of the folds; names of laboratories where each fold is another one."""
    owners = laboratory_of_rows(rows)
    each = [owners.filter(pl.Series(chosen)).unique().to_list() for chosen in members]
    names = [own[0] for own in each if len(own) == 1 and own[0] is not None]
    if len(set(names)) == len(numbers):
        return tuple(names)
    return tuple(str(number) for number in numbers)


def _spread(values: NDArray[np.float64]) -> FoldStatistics:
    there = values[~np.isnan(values)]
    mean = float(there.mean()) if len(there) else float("nan")
    sd = float(there.std(ddof=1)) if len(there) > 1 else float("nan")
    return FoldStatistics(mean, sd, tuple(float(value) for value in values))
