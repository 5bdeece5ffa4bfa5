"""Counts or shares → percentages that sum to 100 as shown."""

import numpy as np
from numpy.typing import NDArray

DECIMALS = 1


def largest_remainder(
    weights: NDArray[np.float64] | NDArray[np.int64], decimals: int = DECIMALS
) -> NDArray[np.float64]:
    """Percentages of ``weights`` that sum to 100 exactly at the given decimals.

    Every share is rounded down, and the missing units go to the largest remainders (Hamilton's
    method), of equal remainders to the larger weight, then to the first. No percentage is more
    than one unit of the last decimal away from its share.

    Args:
        weights: (C,) counts or shares, not negative.
        decimals: shown.

    Returns:
        (C,) percentages; all nan when the weights sum to 0.
    """
    values = np.asarray(weights, dtype=np.float64)
    total = values.sum()
    if not total > 0:
        return np.full(len(values), np.nan)
    units = 100 * 10**decimals
    exact = values / total * units
    whole = np.floor(exact + 1e-9)  # 57 of 100 must not become 56.999…
    remainder = np.round(exact - whole, 9)
    order = np.lexsort((np.arange(len(values)), -values, -remainder))
    missing = round(units - whole.sum())
    whole[order[: max(missing, 0)]] += 1
    result: NDArray[np.float64] = np.round(whole / 10**decimals, decimals)
    return result
