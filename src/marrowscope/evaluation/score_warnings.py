"""Evaluated cells → the warnings that have to stand beside their scores."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.dataset.splitting import METHOD, TRAIN, split_warning
from marrowscope.inference.calibrated_engine import NOVEL
from marrowscope.morphology import CODES

# Percentile intervals from fewer patients or slides are too narrow (the limit is our choice).
_FEW_UNITS = 10


def cell_warnings(rows: pl.DataFrame, drawn: int) -> list[str]:
    """About where the evaluated cells come from; ``drawn`` of them are synthetic."""
    warnings = []
    if 0 < drawn < rows.height:
        warnings.append(
            f"{drawn} of {rows.height} cells are synthetic: the scores are not of real cells alone."
        )
    ungrouped = split_warning(rows)
    if ungrouped:
        warnings.append(ungrouped)
    if "split" in rows.columns and TRAIN in set(rows["split"].to_list()):
        warnings.append(
            "Some of these cells carry split 'train': scores on them flatter the model."
        )
    if not {"split", "fold"} & set(rows.columns):
        warnings.append(
            "The table has no split: if the model was trained on some of these cells, the scores "
            "flatter it."
        )
    if "cell_id" in rows.columns:
        repeated = rows.height - rows["cell_id"].n_unique()
        if repeated:
            warnings.append(
                f"{repeated} rows repeat a cell (same cell_id): totals count it every time, and "
                "intervals take the repetitions for different cells."
            )
    if "fold" in rows.columns and 0 < rows["fold"].null_count() < rows.height:
        warnings.append(
            f"{rows['fold'].null_count()} cells have no fold and take no part in the scores of "
            "folds."
        )
    if METHOD in rows.columns and rows[METHOD].n_unique() > 1:
        warnings.append("The cells come from more than one split.")
    return warnings


def novelty_warnings(rows: pl.DataFrame) -> list[str]:
    """How many of the scored cells the model called unlike anything that it knows."""
    if NOVEL not in rows.columns or rows[NOVEL].dtype != pl.Boolean:
        return []
    novel = int(rows[NOVEL].sum())
    if not novel:
        return []
    return [
        f"{novel} of {rows.height} scored cells ({100 * novel / rows.height:.1f} %) were called "
        "unlike anything that the model knows (column novel); the scores count their answers all "
        "the same."
    ]


def unit_warnings(unit: str, units: int) -> list[str]:
    """About intervals from few patients or slides; ``unit`` is the id column or ``cell``."""
    if unit == "cell" or units >= _FEW_UNITS:
        return []
    if units == 1:
        return [
            f"All cells have the same {unit}: intervals are from single cells, not from patients."
        ]
    return [f"Only {units} different values of {unit}: intervals from so few are too narrow."]


def class_warnings(codes: tuple[str, ...], matrix: NDArray[np.int64], synthetic: bool) -> list[str]:
    """About classes without cells, classes never predicted, and the published totals."""
    warnings = []
    cells, predictions = matrix.sum(axis=1), matrix.sum(axis=0)
    absent = [code for code, count in zip(codes, cells, strict=True) if count == 0]
    if absent:
        warnings.append(
            f"No cell of {', '.join(absent)} in this set: means run over the other "
            f"{len(codes) - len(absent)} classes; predictions of them count as errors."
        )
    never = [
        code
        for code, count, times in zip(codes, cells, predictions, strict=True)
        if count and not times
    ]
    if never:
        warnings.append(f"Never predicted: {', '.join(never)}; their precision counts as 0.")
    if not synthetic and set(codes) - set(absent) != set(CODES):
        warnings.append(
            "The published totals are of 21 classes; this set holds others, so compare class by "
            "class and with care."
        )
    return warnings
