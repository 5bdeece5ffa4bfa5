"""Truth and predictions → bootstrap percentile intervals of scores (Efron 1979)."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.scoring import Scores, confusion_matrix, score

CONFIDENCE_LEVEL = 0.95
_CHUNK = 256  # resamples scored at once


def resampled_matrices(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    classes: int,
    count: int,
    seed: int,
    groups: list[str] | None = None,
) -> NDArray[np.int64]:
    """Confusion matrices of bootstrap resamples, (count, C, C).

    Independent cells: a resample of N cells is a multinomial draw from the confusion matrix, which
    costs nothing per cell. With ``groups`` (patients or slides) whole groups are drawn, because
    cells of one patient are alike and counting them as independent would make intervals too
    narrow.
    """
    random = np.random.default_rng(seed)
    if groups is None:
        matrix = confusion_matrix(truth, predicted, classes)
        total = int(matrix.sum())
        drawn = random.multinomial(total, matrix.ravel() / total, size=count)
        return drawn.reshape(count, classes, classes)
    names = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    member = np.array([names[name] for name in groups], dtype=np.int64)
    # One entry per group and kind of result: many groups hold few kinds, so a dense table of
    # groups would be mostly zeros and, with a group for every cell, larger than memory.
    size = classes * classes
    entry, cells = np.unique(member * size + truth * classes + predicted, return_counts=True)
    member, kind = np.divmod(entry, size)
    draws = np.empty((count, size), dtype=np.int64)
    for draw in draws:
        chosen = random.integers(0, len(names), len(names))
        times = np.bincount(chosen, minlength=len(names))
        draw[:] = np.bincount(kind, weights=times[member] * cells, minlength=size)
    return draws.reshape(count, classes, classes)


def bootstrap_intervals(
    matrices: NDArray[np.int64],
    correct: NDArray[np.bool_],
    names: tuple[str, ...],
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """95 % percentile interval of each named score: (low, high), nan where it never exists."""
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    for start in range(0, len(matrices), _CHUNK):
        scores: Scores = score(matrices[start : start + _CHUNK], correct)
        for name in names:
            parts[name].append(getattr(scores, name))
    return {name: _percentiles(np.concatenate(values)) for name, values in parts.items()}


def _percentiles(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tail = 100 * (1 - CONFIDENCE_LEVEL) / 2
    quantile: Callable[..., Any] = np.nanpercentile
    empty = np.isnan(values).all(axis=0)
    filled = np.where(empty, 0.0, values)
    low, high = quantile(filled, [tail, 100 - tail], axis=0)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)
