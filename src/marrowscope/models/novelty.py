"""How unlike anything that a model knows a cell is, from the probabilities of its answer.

A network spreads its probability over the classes that it knows in a way that is typical of each
class: a band looks a little like a metamyelocyte, and never like a lymphocyte. A cell of a class
that it was never shown gets a spread that fits none of them. The score is the smallest Mahalanobis
distance of the log-probabilities to a class, by mean and covariance of its held-out cells, and more
for classes that spread widely (the quadratic discriminant, McLachlan 1992). Log-probabilities are
taken as centred log-ratios (Aitchison 1982), which are the logits less their mean; every engine
gives them. What else was tried: docs/calibration.md.
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
        precisions: (C, C, C), the inverse of each class's covariance.
        spreads: (C,) logarithm of its determinant, less the smallest of them; 0 or more.
        kept: share of cells of known classes that is not called novel.
        limit: score above which a cell is called novel.
        cells: held-out cells that it was fitted to.
    """

    classes: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]
    precisions: tuple[tuple[tuple[float, ...], ...], ...]
    spreads: tuple[float, ...]
    kept: float
    limit: float
    cells: int

    def scores(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C) calibrated probabilities of ``classes`` → (N,) scores, 0 or more; nan where one is
        not finite."""
        ratios = log_ratios(probabilities.astype(np.float64))
        squared = class_distances(
            ratios, np.array(self.means), np.array(self.precisions), np.array(self.spreads)
        )
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


def class_distances(ratios: Array, means: Array, precisions: Array, spreads: Array) -> Array:
    """Squared distances: (N, D) points, (C, D) means, (C, D, D), (C,) → (N, C)."""
    found = np.empty((len(ratios), len(means)))
    for place, (mean, precision) in enumerate(zip(means, precisions, strict=True)):
        away = ratios - mean
        found[:, place] = np.maximum(((away @ precision) * away).sum(axis=1), 0.0)
    squared: Array = found + spreads
    return squared


def novelty_from_dict(content: Any, known: tuple[str, ...]) -> Novelty | str:
    """A stored part, or what is wrong with it, as the end of a sentence.

    Args:
        content: as JSON gives it.
        known: classes that the model knows.
    """
    content = _of_each_class(content)
    names = {"classes", "means", "precisions", "spreads", "kept", "limit", "cells"}
    if not isinstance(content, dict) or set(content) != names:
        return "novelty lacks a field or has an unknown one"
    classes = content["classes"]
    if not isinstance(classes, list) or not all(isinstance(code, str) for code in classes):
        return "novelty has no classes"
    if len(classes) != len(known) or set(classes) != set(known):
        return "novelty has other classes than the model knows"
    side, precisions = len(classes), content["precisions"]
    if not _is_table(content["means"], side):
        return f"novelty: means is no table of {side} × {side} numbers"
    if (
        not isinstance(precisions, list)
        or len(precisions) != side
        or not all(_is_table(one, side) for one in precisions)
    ):
        return f"novelty: precisions are no {side} tables of {side} × {side} numbers"
    if not _is_row(content["spreads"], side, 0.0):
        return f"novelty: spreads are no {side} numbers of 0 or more"
    if not _is_number(content["kept"], 0.0, 1.0) or not 0 < content["kept"] < 1:
        return "novelty: kept is out of range"
    if not _is_number(content["limit"], 0.0, LARGEST):
        return "novelty: limit is out of range"
    if type(content["cells"]) is not int or content["cells"] < 1:
        return "novelty: cells is no number of cells"
    each = np.array(precisions, np.float64)
    largest = float(np.abs(each).max())
    if not np.allclose(each, each.transpose(0, 2, 1), rtol=1e-6, atol=1e-9 * largest):
        return "novelty: a precision is not symmetric"
    if float(np.linalg.eigvalsh(each).min()) < -1e-9 * largest:
        return "novelty: a precision is no inverse covariance"
    return Novelty(
        tuple(classes),
        _rows(content["means"]),
        tuple(map(_rows, precisions)),
        tuple(map(float, content["spreads"])),
        float(content["kept"]),
        float(content["limit"]),
        content["cells"],
    )


def _of_each_class(content: Any) -> Any:
    """What the first version stored, one covariance of all classes, as one for each class."""
    if not isinstance(content, dict) or "precision" not in content:
        return content
    rest = {name: value for name, value in content.items() if name != "precision"}
    classes = content.get("classes")
    number = len(classes) if isinstance(classes, list) else 0
    same = {"precisions": [content["precision"]] * number, "spreads": [0.0] * number}
    return {**same, **rest}


def _is_table(value: Any, side: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == side
        and all(_is_row(row, side, -LARGEST) for row in value)
    )


def _is_row(value: Any, side: int, low: float) -> bool:
    return (
        isinstance(value, list)
        and len(value) == side
        and all(_is_number(one, low, LARGEST) for one in value)
    )


def _rows(value: list[list[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in value)


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and low <= value <= high
