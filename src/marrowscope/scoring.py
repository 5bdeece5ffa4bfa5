"""Strict and tolerant scores of a classification, from its confusion matrix.

Rows of a confusion matrix are the truth, columns the prediction. In the tolerant evaluation a
prediction is correct when it equals the truth or forms a tolerated pair with it (Matek et al.
2021, after Krappe et al.); the pairs stand in ``marrowscope.morphology``.

Conventions, the same as scikit-learn's ``zero_division=0``: the precision of a class that is never
predicted is 0; a class without a cell takes part in no mean.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NORMAL_95 = 1.959964  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """A score or a share with its 95 % interval; ``value`` is nan where it does not exist."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """Scores of one or of many confusion matrices; a leading axis of the input stays.

    Attributes:
        precision, recall, f1: (…, C) per class; recall and f1 of a class without a cell are nan.
        support: (…, C) cells per class.
        accuracy: (…) share of correct cells.
        macro_f1: (…) mean of f1 over classes that have a cell.
        balanced_accuracy: (…) mean of recall over classes that have a cell.
        weighted_f1: (…) mean of f1 weighted by support.
    """

    precision: Array
    recall: Array
    f1: Array
    support: Array
    accuracy: Array
    macro_f1: Array
    balanced_accuracy: Array
    weighted_f1: Array


def confusion_matrix(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Count (C, C): truth in rows, prediction in columns."""
    flat = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def tolerance_matrix(codes: Iterable[str], pairs: Iterable[frozenset[str]]) -> NDArray[np.bool_]:
    """Which (truth, prediction) count as correct, (C, C) bool: the diagonal and the pairs."""
    codes = list(codes)
    correct = np.eye(len(codes), dtype=bool)
    for pair in pairs:
        if pair <= set(codes):
            one, two = (codes.index(code) for code in pair)
            correct[one, two] = correct[two, one] = True
    return correct


def score(matrix: NDArray[np.int64], correct: NDArray[np.bool_] | None = None) -> Scores:
    """Score a confusion matrix.

    Args:
        matrix: (…, C, C) counts.
        correct: (C, C) what counts as correct; None for strict. Tolerant recall of class c is
            the share of cells of c predicted as c or a partner; tolerant precision is the
            share of predictions c whose truth is c or a partner.
    """
    counts = np.asarray(matrix, dtype=np.float64)
    if correct is None:
        correct = np.eye(counts.shape[-1], dtype=bool)
    support = counts.sum(axis=-1)
    predicted = counts.sum(axis=-2)
    right = np.where(correct, counts, 0.0)
    recall = _ratio(right.sum(axis=-1), support, np.nan)
    precision = _ratio(right.sum(axis=-2), predicted, 0.0)
    known = np.where(support > 0, recall, 0.0)
    f1 = np.where(support > 0, _ratio(2 * precision * known, precision + known, 0.0), np.nan)
    total = support.sum(axis=-1)
    present = (support > 0).sum(axis=-1)
    return Scores(
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        accuracy=_ratio(right.sum(axis=(-2, -1)), total, np.nan),
        macro_f1=_ratio(np.nansum(f1, axis=-1), present, np.nan),
        balanced_accuracy=_ratio(np.nansum(recall, axis=-1), present, np.nan),
        weighted_f1=_ratio(np.nansum(f1 * support, axis=-1), total, np.nan),
    )


def wilson_interval(right: Array, cells: Array) -> tuple[Array, Array]:
    """95 % interval (low, high) of a share ``right / cells`` (Wilson 1927); 0 to 1 for no cells."""
    n = np.asarray(cells, dtype=np.float64)
    share = _ratio(np.asarray(right, dtype=np.float64), n, 0.5)
    z2 = NORMAL_95**2
    half = np.sqrt(z2 * share * (1 - share) * n + z2 * z2 / 4)
    low, high = n * share + z2 / 2 - half, n * share + z2 / 2 + half
    return np.clip(low / (n + z2), 0, 1), np.clip(high / (n + z2), 0, 1)


def _ratio(over: Array, under: Array | NDArray[np.int64], empty: float) -> Array:
    under = np.asarray(under, dtype=np.float64)
    result: Array = np.divide(
        over, under, out=np.full(np.broadcast(over, under).shape, empty), where=under > 0
    )
    return result
