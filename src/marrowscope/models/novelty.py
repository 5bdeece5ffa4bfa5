"""How unlike anything that a model knows a cell is, from the probabilities of its answer.

A network spreads its probability over the classes that it knows in a way that is typical of each
class: a band looks a little like a metamyelocyte, and never like a lymphocyte. A cell of a class
that it was never shown gets a spread that fits none of them. The score is the smallest Mahalanobis
distance (Lee et al., NeurIPS 2018) of the log-probabilities to the mean of a class, with one
covariance for all classes, both of held-out cells. Log-probabilities are taken as centred
log-ratios (Aitchison 1982), which are the logits less their mean; every engine gives them.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLOOR = 1e-7  # of a probability: what float32, int8 and bfloat16 make of less is chance
LARGEST = 1e9  # of any number in a stored part


@dataclass(frozen=True)
class Novelty:
    """What is needed to score an answer.

    Attributes:
        classes: codes that the model knows, the columns of all that follows.
        means: (C, C), a row per class: mean log-ratios of its held-out cells.
        precision: (C, C), inverse of their common covariance.
        kept: share of cells of known classes that is not called novel.
        limit: score above which a cell is called novel.
        cells: held-out cells that it was fitted to.
    """

    classes: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]
    precision: tuple[tuple[float, ...], ...]
    kept: float
    limit: float
    cells: int

    def scores(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C) calibrated probabilities of ``classes`` → (N,) scores, 0 or more; nan where one is
        not finite."""
        ratios = log_ratios(probabilities.astype(np.float64))
        squared = class_distances(ratios, np.array(self.means), np.array(self.precision))
        found: NDArray[np.float32] = np.sqrt(squared.min(axis=1)).astype(np.float32)
        return found

    def is_novel(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which scores are above the limit; nan is not."""
        # Tables keep float32: what was at the limit when it was fitted must be so when it is read.
        found: NDArray[np.bool_] = scores > np.float32(self.limit)
        return found


def log_ratios(probabilities: Array) -> Array:
    """Centred log-ratios: (N, C) → (N, C), rows sum to 0."""
    logs = np.log(np.maximum(probabilities, FLOOR))
    centred: Array = logs - logs.mean(axis=1, keepdims=True)
    return centred


def class_distances(ratios: Array, means: Array, precision: Array) -> Array:
    """Squared Mahalanobis distances: (N, D) points, (C, D) means, (D, D) precision → (N, C)."""
    away = ratios[:, None, :] - means[None, :, :]
    squared: Array = np.maximum(np.einsum("ncd,de,nce->nc", away, precision, away), 0.0)
    return squared


def novelty_from_dict(content: Any, known: tuple[str, ...]) -> Novelty | str:
    """A stored part, or what is wrong with it, as the end of a sentence.

    Args:
        content: as JSON gives it.
        known: classes that the model knows.
    """
    names = {"classes", "means", "precision", "kept", "limit", "cells"}
    if not isinstance(content, dict) or set(content) != names:
        return "novelty lacks a field or has an unknown one"
    classes = content["classes"]
    if not isinstance(classes, list) or not all(isinstance(code, str) for code in classes):
        return "novelty has no classes"
    if len(classes) != len(known) or set(classes) != set(known):
        return "novelty has other classes than the model knows"
    for name in ("means", "precision"):
        if not _is_table(content[name], len(classes)):
            return f"novelty: {name} is no table of {len(classes)} × {len(classes)} numbers"
    if not _is_number(content["kept"], 0.0, 1.0) or not 0 < content["kept"] < 1:
        return "novelty: kept is out of range"
    if not _is_number(content["limit"], 0.0, LARGEST):
        return "novelty: limit is out of range"
    if type(content["cells"]) is not int or content["cells"] < 1:
        return "novelty: cells is no number of cells"
    precision = np.array(content["precision"], np.float64)
    largest = float(np.abs(precision).max())
    if not np.allclose(precision, precision.T, rtol=1e-6, atol=1e-9 * largest):
        return "novelty: precision is not symmetric"
    if float(np.linalg.eigvalsh(precision).min()) < -1e-9 * largest:
        return "novelty: precision is no inverse covariance"
    means, rows = (
        tuple(tuple(float(value) for value in row) for row in content[name])
        for name in ("means", "precision")
    )
    return Novelty(
        tuple(classes),
        means,
        rows,
        float(content["kept"]),
        float(content["limit"]),
        content["cells"],
    )


def _is_table(value: Any, side: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == side
        and all(isinstance(row, list) and len(row) == side for row in value)
        and all(_is_number(one, -LARGEST, LARGEST) for row in value for one in row)
    )


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and low <= value <= high
