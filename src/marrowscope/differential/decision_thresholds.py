"""Whether enough cells are counted: near a decision threshold, and for the count as a whole."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from marrowscope.scoring import NORMAL_95, wilson_interval

BLAST_DECISIONS = (0.05, 0.10, 0.20)
TARGET_CELLS = 500  # ICSH 2008: cells of a precise count
PRACTICALLY_NEVER = 20_000  # further cells that no smear has or nobody looks at


@dataclass(frozen=True)
class Decision:
    """A threshold that lies in the interval of a share.

    Attributes:
        threshold: as a share.
        total: smallest number of countable cells whose Wilson interval leaves the threshold out
            if the share stays as it is; None when the share is the threshold itself.
        more: ``total`` less the cells counted; None likewise.
    """

    threshold: float
    total: int | None
    more: int | None

    @property
    def practically_never(self) -> bool:
        """Whether counting on is no way to settle it."""
        return self.more is None or self.more > PRACTICALLY_NEVER


def open_decisions(
    count: int, cells: int, thresholds: Iterable[float] = BLAST_DECISIONS
) -> tuple[Decision, ...]:
    """Thresholds inside the Wilson 95 % interval of ``count`` of ``cells``, lowest first."""
    low, high = wilson_interval(np.array(float(count)), np.array(float(cells)))
    found = []
    for threshold in sorted(thresholds):
        if low <= threshold <= high:
            total = cells_to_exclude(count / cells, threshold) if cells else None
            # The limit below is rounded otherwise than the interval: at least one cell more.
            total = max(total, cells + 1) if total is not None else None
            found.append(Decision(threshold, total, None if total is None else total - cells))
    return tuple(found)


def cells_to_exclude(share: float, threshold: float) -> int | None:
    """Smallest number of cells at which the Wilson 95 % interval leaves the threshold out.

    Wilson's interval (1927) holds exactly the t with ``|share − t| ≤ z · √(t (1 − t) / n)``, so
    n must exceed ``z² t (1 − t) / (share − t)²``. None when the share is the threshold.
    """
    if not 0 < threshold < 1:
        raise ValueError("a threshold is a share between 0 and 1")
    away = abs(share - threshold)
    if away < 1e-12:
        return None
    return math.floor(NORMAL_95**2 * threshold * (1 - threshold) / away**2) + 1


@dataclass(frozen=True)
class CountProgress:
    """How far a count has come.

    Attributes:
        countable: cells in the denominator so far.
        looked_at: all cells so far, with those that are not counted.
        target: wanted countable cells.
        reached: whether they are there.
        expected: further cells to look at, at the present share of countable ones; None when
            there was none yet.
    """

    countable: int
    looked_at: int
    target: int
    reached: bool
    expected: int | None


def count_progress(countable: int, looked_at: int, target: int = TARGET_CELLS) -> CountProgress:
    """Whether a count has reached its target, and how many more cells to expect if not.

    Args:
        countable: cells of the denominator so far; those not classified do not count towards it.
        looked_at: all cells so far.
        target: wanted countable cells.
    """
    if target < 1:
        raise ValueError("a target is at least one cell")
    if not 0 <= countable <= looked_at:
        raise ValueError("countable cells are a part of those looked at")
    missing = max(target - countable, 0)
    expected = -(-missing * looked_at // countable) if countable else None
    return CountProgress(countable, looked_at, target, not missing, expected if missing else 0)
