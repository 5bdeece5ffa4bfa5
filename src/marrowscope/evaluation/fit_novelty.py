"""Calibrated answers for held-out cells → the score that tells cells unlike anything known."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.models.novelty import Array, Novelty, class_distances, log_ratios

MIN_OF_CLASS = 10  # cells from which a mean is taken
PARTS = 5  # of the cross-fit: scored by what was fitted to the other four
MIN_SPREAD = 0.1  # of scores: engines differ a little, and that is not novel
# Added to the variance of log-ratios in every direction: a class has few cells, and rows of
# log-ratios sum to 0, so that a covariance alone has no inverse.
FLOOR = 0.05


def fit_novelty(
    probabilities: Array,
    truth: NDArray[np.int64],
    names: Sequence[str],
    known: tuple[str, ...],
    kept: float = 0.99,
) -> Novelty | None:
    """Fit means, covariances and limit.

    The limit is a quantile of scores of cells that means and covariances were not fitted to (five
    parts of every class, by the hash of the cells' names), with the correction for their number of
    split conformal prediction (Vovk 2005): a new cell of the same mix is kept with at least that
    probability.

    Args:
        probabilities: (N, C) calibrated, of the known classes.
        truth: (N,) columns of the true classes.
        names: (N,) of the cells.
        known: codes of the columns.
        kept: share of cells of known classes that are not to be called novel, in (0, 1).

    Returns:
        What was fitted; None where ``too_few`` says why it cannot be.

    Raises:
        InputError: the share is out of range.
    """
    cells = len(truth)
    if too_few([known[place] for place in truth], known, kept) is not None:
        return None
    rank = _rank(cells, kept)
    ratios = log_ratios(probabilities)
    part = _parts(truth, names)
    scores = np.empty(cells)
    for turn in range(PARTS):
        inside = part == turn
        fitted = _fitted(ratios[~inside], truth[~inside], len(known))
        scores[inside] = np.sqrt(class_distances(ratios[inside], *fitted).min(axis=1))
    means, precisions, spreads = _fitted(ratios, truth, len(known))
    return Novelty(
        known,
        tuple(map(tuple, means.tolist())),
        tuple(tuple(map(tuple, one)) for one in precisions.tolist()),
        tuple(spreads.tolist()),
        kept,
        max(float(np.sort(scores)[rank - 1]), MIN_SPREAD),
        cells,
    )


def too_few(labels: Sequence[str], known: Sequence[str], kept: float) -> str | None:
    """Why novel cells cannot be told after so few held-out cells; None where they can.

    Args:
        labels: of the held-out cells.
        known: codes that the model knows.
        kept: as of ``fit_novelty``.

    Raises:
        InputError: the share is out of range.
    """
    if not 0 < kept < 1:
        raise InputError(f"`kept` {kept}: give a share between 0 and 1, for example 0.99")
    held_out = Counter(labels)
    few = [code for code in known if held_out[code] < MIN_OF_CLASS]
    if few:
        reason = f"fewer than {MIN_OF_CLASS} held-out cells of {few[0]}"
    elif _rank(len(labels), kept) > len(labels):
        reason = f"{len(labels)} held-out cells are too few to keep {kept:g} of them"
    else:
        return None
    return f"{reason}: cells unlike anything that the model knows will not be told from others"


def _rank(cells: int, kept: float) -> int:
    """Which score, from the smallest, is the limit."""
    return math.ceil((cells + 1) * kept)


def _parts(truth: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.int64]:
    """(N,) 0 to 4: every class is in all parts, and the order of the rows does not matter."""
    hashes = [hashlib.sha256(str(name).encode("utf-8", "replace")).hexdigest() for name in names]
    part = np.empty(len(truth), np.int64)
    for place in np.unique(truth):
        own = sorted(np.flatnonzero(truth == place).tolist(), key=lambda row: (hashes[row], row))
        part[own] = np.arange(len(own)) % PARTS
    return part


def _fitted(ratios: Array, truth: NDArray[np.int64], classes: int) -> tuple[Array, Array, Array]:
    """Mean of every class, the inverse of its covariance, and how widely it spreads."""
    means, precisions = np.empty((classes, classes)), np.empty((classes, classes, classes))
    spreads = np.empty(classes)
    for place in range(classes):
        own = ratios[truth == place]
        means[place] = own.mean(axis=0)
        covariance = np.cov(own.T) + FLOOR * np.eye(classes)
        inverse = np.linalg.inv(covariance)
        precisions[place] = (inverse + inverse.T) / 2
        spreads[place] = np.linalg.slogdet(covariance)[1]
    return means, precisions, spreads - spreads.min()
