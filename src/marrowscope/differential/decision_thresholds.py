"""Counts and corrected shares → whether enough cells are counted to decide, or how many more.

Near a decision threshold, of the counted and of the corrected share, and for the count as a whole.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowscope.differential.corrected_shares import (
    CorrectedShares,
    correct_shares,
    share_intervals,
)
from marrowscope.differential.held_out_answers import HeldOutCounts
from marrowscope.scoring import NORMAL_95, wilson_interval

BLAST_DECISIONS = (0.05, 0.10, 0.20)
TARGET_CELLS = 500  # ICSH 2008: cells of a precise count
PRACTICALLY_NEVER = 20_000  # further cells that no smear has or nobody looks at
FACTORS = (2, 4, 8, 16, 32)  # times as many cells that are tried
_REPLICATES = 500


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
        """Whether counting more cells will not settle it."""
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


@dataclass(frozen=True)
class CorrectedDecision:
    """A threshold inside a corrected interval.

    Attributes:
        threshold: as a share.
        factor: the first of 2, 4, 8, 16 and 32 times as many cells that would leave it out if
            their answers stayed as they are; None when even the last would not, because the
            held-out cells are too few to tell.
    """

    threshold: float
    factor: int | None


def open_corrected_decisions(
    estimate: CorrectedShares,
    answers: NDArray[np.int64],
    held_out: HeldOutCounts,
    members: NDArray[np.bool_],
    among: NDArray[np.bool_],
    thresholds: Iterable[float],
    seed: int = 0,
) -> tuple[CorrectedDecision, ...]:
    """Thresholds inside the corrected interval of a group of classes, lowest first.

    The interval has two parts: chance of the counted cells, which more cells make smaller, and
    that of the held-out cells, which they do not. So no formula gives their number; the bootstrap
    is repeated with multiples of the answers.

    Args:
        estimate: from ``correct_shares`` with these ``answers`` and ``held_out``.
        answers: (2 C,) of the smear.
        held_out: answers for cells of known class.
        members: (C,) classes of the group.
        among: (C,) classes of the denominator.
        thresholds: shares.
        seed: of the bootstrap.
    """

    def inside(one: CorrectedShares, limits: list[float]) -> list[float]:
        _, low, high = share_intervals(one, members[None], among, seed)
        return [limit for limit in limits if low[0] <= limit <= high[0]]

    found = inside(estimate, sorted(thresholds))
    times: dict[float, int | None] = dict.fromkeys(found)
    left = found
    for factor in FACTORS:
        if not left:
            break
        more = correct_shares(answers * factor, held_out, _REPLICATES, seed)
        still = inside(more, left) if more is not None else left
        times.update({limit: factor for limit in left if limit not in still})
        left = still
    return tuple(CorrectedDecision(limit, number) for limit, number in times.items())
