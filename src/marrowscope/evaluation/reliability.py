"""Confidence and correctness → expected calibration error and the reliability diagram's bins."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def reliability_bins(
    values: NDArray[np.float32], rows: pl.DataFrame, codes: list[str]
) -> dict[str, Any]:
    """Expected calibration error of the top class, ten bins of equal width (Guo et al. 2017)."""
    # A little above 1 is rounding; anything else out of range is not a probability.
    if not codes or not ((values >= 0) & (values <= 1.001)).all():
        return {"ece": None, "bins": []}
    confidence = values.max(axis=1)
    right = np.array([codes[k] for k in values.argmax(axis=1)]) == rows["label"].to_numpy()
    error, points = expected_calibration_error(confidence, right)
    return {"ece": error, "bins": points}


def expected_calibration_error(
    confidence: NDArray[Any], right: NDArray[np.bool_]
) -> tuple[float, list[tuple[float, float, int]]]:
    """Expected calibration error with ten bins of equal width (Guo et al. 2017).

    Args:
        confidence: (N,) in [0, 1], of the predicted class.
        right: (N,) whether it is the true class.

    Returns:
        The error, and for every bin that is not empty: mean confidence, share right, cells.
    """
    bins = np.minimum((confidence * 10).astype(int), 9)
    cells = np.bincount(bins, minlength=10)
    sums = np.bincount(bins, weights=confidence, minlength=10)
    hits = np.bincount(bins, weights=right, minlength=10)
    used = np.flatnonzero(cells)
    points = [(float(sums[k] / cells[k]), float(hits[k] / cells[k]), int(cells[k])) for k in used]
    return float(np.abs(sums - hits).sum() / len(confidence)), points
