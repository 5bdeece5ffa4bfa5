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
MIN_SPREAD = 0.1  # of log-ratios: engines differ a little, and that is not novel
SHRINKAGE = 0.05  # of the covariance towards a multiple of the identity, whose inverse exists


def fit_novelty(
    probabilities: Array,
    truth: NDArray[np.int64],
    names: Sequence[str],
    known: tuple[str, ...],
    kept: float = 0.99,
) -> Novelty | None:
    """Fit means, covariance and limit.

    The limit is a quantile of scores of cells that means and covariance were not fitted to (five
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
        means, precision = _fitted(ratios[~inside], truth[~inside], len(known))
        scores[inside] = np.sqrt(class_distances(ratios[inside], means, precision).min(axis=1))
    means, precision = _fitted(ratios, truth, len(known))
    return Novelty(
        known,
        tuple(map(tuple, means.tolist())),
        tuple(map(tuple, precision.tolist())),
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


def _fitted(ratios: Array, truth: NDArray[np.int64], classes: int) -> tuple[Array, Array]:
    """Mean of every class, and the inverse of their common covariance, shrunk a little."""
    means = np.stack([ratios[truth == place].mean(axis=0) for place in range(classes)])
    away = ratios - means[truth]
    covariance = away.T @ away / max(len(away) - classes, 1)
    # Rows of log-ratios sum to 0: alone, it has no inverse.
    size = max(float(np.trace(covariance)) / classes, MIN_SPREAD**2)
    mixed = (1 - SHRINKAGE) * covariance + SHRINKAGE * size * np.eye(classes)
    inverse: Array = np.linalg.inv(mixed)
    return means, (inverse + inverse.T) / 2
