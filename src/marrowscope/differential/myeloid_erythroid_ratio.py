"""Counts of myeloid and erythroid cells → their ratio with its interval."""

import math
from dataclasses import dataclass

import numpy as np

from marrowscope.scoring import wilson_interval


@dataclass(frozen=True)
class RatioEstimate:
    """A ratio of two counts or shares with its 95 % interval.

    ``value`` is nan when both are 0 and infinite when only the lower is; ``high`` is infinite
    when the lower may be 0.
    """

    over: float
    under: float
    value: float
    low: float
    high: float


def ratio_of_counts(over: int, under: int) -> RatioEstimate:
    """Ratio of the counts of two kinds of cells of one sample, with its 95 % interval.

    Given their sum, the first count is binomial with p = ρ / (1 + ρ), so the ratio ρ = p / (1 − p)
    has the odds of the Wilson interval as its interval. It is Fieller's interval (1954) with the
    variance of ``over − ρ · under`` taken at the ρ that is tested, which stays one interval when
    the lower count is small or 0.
    """
    if over < 0 or under < 0:
        raise ValueError("counts are not negative")
    if over + under == 0:
        return RatioEstimate(0, 0, math.nan, 0.0, math.inf)
    low, high = wilson_interval(np.array(float(over)), np.array(float(over + under)))
    return RatioEstimate(
        over,
        under,
        over / under if under else math.inf,
        odds(float(low)) if over else 0.0,
        odds(float(high)) if under else math.inf,
    )


def odds(share: float) -> float:
    """Share / (1 − share)."""
    return share / (1 - share) if share < 1 else math.inf
