"""Answers and held-out counts → class shares corrected for confusions, with intervals.

Point estimate: maximum likelihood over answers (predicted class, sure or unsure). Interval:
bootstrap of both the counted cells and the held-out cells. Why these: docs/differential.md.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowscope.differential.held_out_answers import CONFIDENCE_BANDS, HeldOutCounts
from marrowscope.differential.myeloid_erythroid_ratio import odds
from marrowscope.differential.prevalence_estimation import maximum_likelihood

Array = NDArray[np.float64]

REPLICATES = 2000
# Percentiles at 2.5 % cover a little less than 95 % for single classes, because the estimate is
# pushed off the border of the simplex; calibrated by simulation (Loh 1987; docs/differential.md).
TAIL_PROBABILITY = 0.015
_CHUNK = 250  # replicates at once: what fits a processor's cache


@dataclass(frozen=True)
class CorrectedShares:
    """Corrected shares of the classes among all cells that got an answer.

    Attributes:
        codes: classes, those of the held-out answers.
        shares: (C,) sum to 1; 0 for classes that are neither held out nor predicted.
        replicates: (B, C) of the bootstrap.
        cells: answers counted in the smear.
        uncorrected: predicted classes without a held-out cell: taken as predicted.
        estimated: classes that are held out or predicted; nothing is known of the others.
    """

    codes: tuple[str, ...]
    shares: Array
    replicates: Array
    cells: int
    uncorrected: tuple[str, ...]
    estimated: tuple[str, ...]


def correct_shares(
    answers: NDArray[np.int64], held_out: HeldOutCounts, replicates: int = REPLICATES, seed: int = 0
) -> CorrectedShares | None:
    """Estimate the class shares behind the answers of a smear.

    Assumes label shift: cells of a class get the same answers in the smear as among the held-out
    cells, whose number per class says nothing about the smear.

    A replicate draws the smear's answers from the Dirichlet distribution of their counts and the
    rates of each class from that of its held-out counts (Bayesian bootstrap, Rubin 1981), the
    latter with one pseudo-cell for the right answer and one spread over all, because a mistake
    that ten held-out cells did not show may yet occur. EM starts anywhere, so that shares that
    the answers do not tell apart come out wide.

    Args:
        answers: (2 C,) from ``count_answers`` with the codes of ``held_out``.
        held_out: answers for cells of known class.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        None when there is no answer.
    """
    total = int(answers.sum())
    if not total:
        return None
    size = len(held_out.codes)
    predicted = answers.reshape(size, CONFIDENCE_BANDS).sum(axis=1)
    taught = held_out.cells > 0
    used = np.flatnonzero(taught | (predicted > 0))
    right, spread = _pseudo_cells(held_out.counts, size)
    # Without a held-out cell: the class's own answers as the smear has them.
    own = np.zeros((size, CONFIDENCE_BANDS * size))
    for place in np.flatnonzero(~taught & (predicted > 0)):
        columns = slice(CONFIDENCE_BANDS * place, CONFIDENCE_BANDS * (place + 1))
        own[place, columns] = answers[columns]
    point = np.where(taught[:, None], held_out.counts + right, own)[used]
    start = predicted[used] + 1.0
    counted = answers.astype(np.float64)
    shares = np.zeros(size)
    shares[used] = maximum_likelihood(
        counted, point / point.sum(axis=1, keepdims=True), start, tolerance=1e-9
    )
    random = np.random.default_rng(seed)
    weights = np.where(taught[:, None], held_out.counts + right + spread, own)[used]
    drawn = np.zeros((replicates, size))
    for first in range(0, replicates, _CHUNK):
        part = min(_CHUNK, replicates - first)
        rates = np.broadcast_to(weights, (part, *weights.shape)).copy()
        varied = taught[used]
        rates[:, varied] = random.standard_gamma(rates[:, varied])
        rates /= rates.sum(axis=-1, keepdims=True)
        seen = random.standard_gamma(np.broadcast_to(counted, (part, size * CONFIDENCE_BANDS)))
        begin = random.dirichlet(np.ones(len(used)), size=part) + 1e-4
        drawn[first : first + part, used] = maximum_likelihood(seen, rates, begin, tolerance=1e-5)
    codes = np.array(held_out.codes)
    return CorrectedShares(
        held_out.codes,
        shares,
        drawn,
        total,
        tuple(codes[~taught & (predicted > 0)].tolist()),
        tuple(codes[used].tolist()),
    )


def share_intervals(
    corrected: CorrectedShares, members: NDArray[np.bool_], among: NDArray[np.bool_], seed: int = 0
) -> tuple[Array, Array, Array]:
    """Shares of groups of classes among the cells of some classes, with 95 % intervals.

    Like Clopper and Pearson's interval (1934), to which it comes down when the classifier makes
    no mistake: the lower end allows for one more cell of the others, the upper end for one more
    of the group. Ends within half a cell of 0 or 1 are 0 or 1.

    Args:
        corrected: from ``correct_shares``.
        members: (G, C) classes of each group, a subset of ``among``.
        among: (C,) classes of the denominator.
        seed: of the one more cell.

    Returns:
        share, low, high: (G,) each; nan, 0 and 1 where the denominator is 0.
    """
    below = corrected.shares[among].sum()
    groups = members.astype(np.float64)
    share = groups @ corrected.shares / below if below > 0 else np.full(len(groups), np.nan)
    cells = corrected.cells * corrected.replicates @ among  # (B,)
    inside = corrected.cells * corrected.replicates @ groups.T  # (B, G)
    one = np.random.default_rng(seed).standard_exponential(len(cells))[:, None]
    under = cells[:, None] + one
    low = np.quantile(inside / under, TAIL_PROBABILITY, axis=0)
    high = np.quantile((inside + one) / under, 1 - TAIL_PROBABILITY, axis=0)
    half = 0.5 / max(corrected.cells * below, 0.5)
    low = np.where(low < half, 0.0, low)
    high = np.where(high > 1 - half, 1.0, high)
    # The point has a likelihood of its own; where the bootstrap is one-sided it stays inside.
    return share, np.fmin(low, share), np.fmax(high, share)


def ratio_interval(
    corrected: CorrectedShares, over: NDArray[np.bool_], under: NDArray[np.bool_], seed: int = 0
) -> tuple[float, float, float]:
    """Ratio of the shares of two groups of classes with its 95 % interval; see ``ratio.Ratio``.

    A group of less than half a cell is none, as for the ends of the shares.
    """
    _, low, high = share_intervals(corrected, over[None], over | under, seed)
    # What is less than half a cell is what the search for the shares left over, and no cell.
    half = 0.5 / corrected.cells
    above, below = (
        sum_ if (sum_ := float(corrected.shares[group].sum())) >= half else 0.0
        for group in (over, under)
    )
    value = float(above / below) if below > 0 else (math.inf if above > 0 else math.nan)
    return value, odds(float(low[0])), odds(float(high[0]))


def _pseudo_cells(counts: NDArray[np.int64], size: int) -> tuple[Array, Array]:
    """One cell per class for the right answer, and one spread over all, (C, 2 C) each."""
    bands = counts.reshape(-1, size, CONFIDENCE_BANDS).sum(axis=(0, 1)) + 1.0
    bands = bands / bands.sum()
    return np.kron(np.eye(size), bands), np.tile(bands, (size, size)) / size
