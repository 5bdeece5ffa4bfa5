"""Two readers' labels of the same cells → how far they agree beyond chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowscope.scoring import NORMAL_95, confusion_matrix


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa with its 95 % interval; nan where it does not exist.

    It does not exist where both readers gave one and the same label to all cells, or without cells.
    """

    value: float
    low: float
    high: float
    cells: int


def pair_matrix(
    first: Sequence[str], second: Sequence[str], codes: Sequence[str]
) -> NDArray[np.int64]:
    """Cells by the first reader's label (rows) and the second's (columns)."""
    place = {code: number for number, code in enumerate(codes)}
    return confusion_matrix(
        np.array([place[code] for code in first], np.int64),
        np.array([place[code] for code in second], np.int64),
        len(codes),
    )


def cohen_kappa(counts: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> Kappa:
    """Kappa of a table of pairs, with the asymptotic interval of Fleiss, Cohen and Everitt (1969).

    Args:
        counts: (C, C) cells.
        weights: (C, C) of agreement, 1 on the diagonal, 0 for the worst disagreement; None: only
            the same label agrees.
    """
    total = int(counts.sum())
    if not total:
        return Kappa(math.nan, math.nan, math.nan, 0)
    share = counts / total
    agreed = np.eye(len(counts)) if weights is None else weights
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed = float((agreed * share).sum())
    expected = float(rows @ agreed @ columns)
    if expected >= 1 - 1e-12:
        return Kappa(math.nan, math.nan, math.nan, total)
    value = (observed - expected) / (1 - expected)
    # Mean weight of each label of either reader over the labels of the other one.
    mean_rows, mean_columns = agreed @ columns, rows @ agreed
    spread = agreed - (mean_rows[:, None] + mean_columns[None, :]) * (1 - value)
    variance = float((share * spread**2).sum()) - (value - expected * (1 - value)) ** 2
    error = math.sqrt(max(variance, 0.0) / total) / (1 - expected)
    half = NORMAL_95 * error
    return Kappa(value, max(-1.0, value - half), min(1.0, value + half), total)


def linear_weights(ranks: Sequence[int]) -> NDArray[np.float64]:
    """Weights of agreement that fall with the distance of ranks (Cicchetti & Allison 1971)."""
    rank = np.array(ranks, np.float64)
    span = rank.max() - rank.min()
    if not span:
        return np.ones((len(rank), len(rank)))
    return np.asarray(1 - np.abs(rank[:, None] - rank[None, :]) / span)
