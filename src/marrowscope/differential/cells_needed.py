"""Whether more cells would settle a threshold inside a corrected interval."""

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

FACTORS = (2, 4, 8, 16, 32)
_REPLICATES = 500


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
