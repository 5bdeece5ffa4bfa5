"""Whether stated confidence equals the share of correct cells."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def calibration(
    values: NDArray[np.float32], rows: pl.DataFrame, codes: list[str]
) -> dict[str, Any]:
    """Expected calibration error of the top class, ten bins of equal width (Guo et al. 2017)."""
    # A little above 1 is rounding; anything else out of range is no probability.
    if not codes or not ((values >= 0) & (values <= 1.001)).all():
        return {"ece": None, "bins": []}
    confidence = values.max(axis=1)
    right = np.array([codes[k] for k in values.argmax(axis=1)]) == rows["label"].to_numpy()
    bins = np.minimum((confidence * 10).astype(int), 9)
    points = [
        (
            float(confidence[bins == k].mean()),
            float(right[bins == k].mean()),
            int((bins == k).sum()),
        )
        for k in range(10)
        if (bins == k).any()
    ]
    error = sum(abs(mean - share) * count for mean, share, count in points) / len(confidence)
    return {"ece": float(error), "bins": points}
