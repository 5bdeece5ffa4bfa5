"""Confusion matrices → scores with intervals, class by class, and the worst confusions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.evaluation.bootstrap import bootstrap_intervals
from marrowscope.evaluation.evaluation_result import (
    PER_CLASS,
    TOTALS,
    ClassResult,
    Confusion,
)
from marrowscope.morphology import BY_CODE
from marrowscope.scoring import Estimate, Scores, score, wilson_interval


def scores_with_intervals(
    matrix: NDArray[np.int64], draws: NDArray[np.int64], correct: NDArray[np.bool_]
) -> dict[str, Any]:
    """Totals and lists of class scores by name, with intervals.

    Args:
        matrix: (C, C) counts.
        draws: (resamples, C, C) counts of the bootstrap.
        correct: (C, C) what counts as correct.
    """
    scores: Scores = score(matrix, correct)
    ranges = bootstrap_intervals(draws, correct, (*TOTALS, *PER_CLASS))
    result: dict[str, Any] = {
        name: Estimate(float(getattr(scores, name)), *(float(end) for end in ranges[name]))
        for name in TOTALS
    }
    for name in PER_CLASS:
        low, high = ranges[name]
        if name != "f1":
            cells = matrix.sum(axis=1 if name == "recall" else 0)
            low, high = _never_without_width(getattr(scores, name), cells, low, high)
        result[name] = [
            Estimate(float(value), float(low[k]), float(high[k]))
            for k, value in enumerate(getattr(scores, name))
        ]
    return result


def _never_without_width(
    shares: NDArray[np.float64],
    cells: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson intervals where all or none of the cells are right.

    Every resample of such cells is the same, and the bootstrap would claim certainty.
    """
    wilson_low, wilson_high = wilson_interval(shares * cells, cells.astype(np.float64))
    flat = (cells > 0) & ((shares == 0) | (shares == 1))
    return np.where(flat, wilson_low, low), np.where(flat, wilson_high, high)


def class_result(
    code: str,
    place: int,
    matrix: NDArray[np.int64],
    results: dict[str, dict[str, Any]],
    synthetic: bool,
) -> ClassResult:
    """The results of one class, which is row ``place`` of the matrix."""
    known = BY_CODE.get(code)
    published = None
    if known is not None and not synthetic:  # drawn cells compare with nothing published
        published = {
            f"{kind}_{name}": getattr(known.published, f"{kind}_{name}")
            for kind in ("strict", "tolerant")
            for name in ("precision", "recall")
        }
    return ClassResult(
        code=code,
        name=known.name if known else code,
        cells=int(matrix[place].sum()),
        predicted=int(matrix[:, place].sum()),
        strict={name: results["strict"][name][place] for name in PER_CLASS},
        tolerant={name: results["tolerant"][name][place] for name in PER_CLASS},
        published=published,
    )


def ranked_confusions(
    matrix: NDArray[np.int64], codes: tuple[str, ...], tolerant: NDArray[np.bool_]
) -> tuple[Confusion, ...]:
    """Every kind of mistake that occurred, worst first."""
    support = matrix.sum(axis=1)
    found = [
        Confusion(
            codes[row],
            codes[column],
            int(matrix[row, column]),
            float(matrix[row, column] / support[row]),
            bool(tolerant[row, column]),
        )
        for row, column in zip(*np.nonzero(matrix), strict=True)
        if row != column
    ]
    return tuple(sorted(found, key=lambda entry: (-_surely(entry), entry.truth, entry.predicted)))


def _surely(entry: Confusion) -> float:
    return float(wilson_interval(np.array(entry.count), np.array(entry.count / entry.share))[0])
