"""From a table of predictions to everything that a report says."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import group_column, probabilities, probability_codes
from marrowscope.dataset.split import METHOD, split_warning
from marrowscope.errors import InputError
from marrowscope.evaluation.bootstrap import intervals, resampled_matrices
from marrowscope.morphology import BY_CODE, CODES, TOLERATED, in_display_order
from marrowscope.scoring import Scores, confusion_matrix, score, tolerance_matrix

# Aggregates of the published Table 1 (computed from its rounded entries), five-fold
# cross-validation on all 21 classes.
_TOTALS = ("macro_f1", "balanced_accuracy", "accuracy", "weighted_f1")
_PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Value:
    """A score with its 95 % interval; nan where it does not exist."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassResult:
    """Scores of one class; ``strict`` and ``tolerant`` hold precision, recall, f1."""

    code: str
    name: str
    cells: int
    predicted: int
    strict: dict[str, Value]
    tolerant: dict[str, Value]
    published: dict[str, tuple[float, float]] | None  # e.g. strict_recall → mean, sd


@dataclass(frozen=True)
class Confusion:
    """Cells of one class taken for another."""

    truth: str
    predicted: str
    count: int
    share: float  # of the cells of the true class
    tolerated: bool


@dataclass(frozen=True)
class Evaluation:
    """The whole result.

    Attributes:
        codes: classes, in display order: rows and columns of ``matrix``.
        matrix: (C, C) counts, truth in rows.
        classes: one entry per code.
        strict, tolerant: totals by name.
        published: the same totals of the published study, strict and tolerant; empty for
            synthetic cells, which compare with nothing published.
        confusions: off-diagonal entries by share of the true class, worst first.
        calibration: expected calibration error and the points of the reliability diagram.
        counts: rows, evaluated, unlabelled, unreadable.
        warnings: lines that every report must carry.
        synthetic: whether every evaluated cell is a phantom.
    """

    codes: tuple[str, ...]
    matrix: NDArray[np.int64]
    classes: tuple[ClassResult, ...]
    strict: dict[str, Value]
    tolerant: dict[str, Value]
    published: dict[str, dict[str, float]]
    confusions: tuple[Confusion, ...]
    calibration: dict[str, Any]
    counts: dict[str, int]
    warnings: tuple[str, ...]
    synthetic: bool


def evaluate(
    predictions: pl.DataFrame,
    tolerated: frozenset[frozenset[str]] = TOLERATED,
    resamples: int = 2000,
    seed: int = 0,
) -> Evaluation:
    """Score predictions.

    Args:
        predictions: with ``label``, ``predicted`` and ``p_<CODE>``.
        tolerated: pairs that count as correct in the tolerant scores.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: no labels, no predictions, or no row that has both.
    """
    for name in ("label", "predicted"):
        if name not in predictions.columns:
            raise InputError(
                f"the table has no column {name}; evaluation needs truth and prediction"
            )
    bad = pl.col("predicted").is_null()
    if "error" in predictions.columns:
        bad = bad | pl.col("error").is_not_null()
    rows = predictions.filter(~bad & pl.col("label").is_not_null())
    if rows.height == 0:
        raise InputError("no row has both a label and a prediction")
    probable = set(probability_codes(rows))
    occurring = set(rows["label"].to_list()) | set(rows["predicted"].to_list())
    codes = tuple(in_display_order(probable | occurring))
    place = {code: index for index, code in enumerate(codes)}
    truth = np.array([place[code] for code in rows["label"]], dtype=np.int64)
    predicted = np.array([place[code] for code in rows["predicted"]], dtype=np.int64)
    matrix = confusion_matrix(truth, predicted, len(codes))
    group = group_column(rows)
    draws = resampled_matrices(
        truth, predicted, len(codes), resamples, seed, rows[group].to_list() if group else None
    )
    strict = np.eye(len(codes), dtype=bool)
    tolerant = tolerance_matrix(codes, tolerated)
    synthetic = "annotator" in rows.columns and set(rows["annotator"]) == {"synthetic"}
    results = {
        "strict": _with_intervals(matrix, draws, strict),
        "tolerant": _with_intervals(matrix, draws, tolerant),
    }
    return Evaluation(
        codes=codes,
        matrix=matrix,
        classes=tuple(
            _class_result(code, place[code], matrix, results, synthetic) for code in codes
        ),
        strict={name: results["strict"][name] for name in _TOTALS},
        tolerant={name: results["tolerant"][name] for name in _TOTALS},
        published={} if synthetic else published_totals(),
        confusions=_confusions(matrix, codes, tolerant),
        calibration=calibration(probabilities(rows), rows, probability_codes(rows)),
        counts={
            "rows": predictions.height,
            "evaluated": rows.height,
            "without label": predictions.filter(~bad & pl.col("label").is_null()).height,
            "without prediction": predictions.filter(bad).height,
        },
        warnings=tuple(_warnings(rows, codes, matrix)),
        synthetic=synthetic,
    )


def published_totals() -> dict[str, dict[str, float]]:
    """Macro-F1, balanced accuracy, accuracy and weighted F1 of the study's Table 1.

    Computed from its class-wise means: F1 from precision and recall, the means over 21 classes,
    accuracy as recall weighted by the number of images.
    """
    totals = {}
    cells = [BY_CODE[code] for code in CODES]
    weight = np.array([cell.published_images for cell in cells], dtype=float)
    for kind in ("strict", "tolerant"):
        precision = np.array([getattr(cell.published, f"{kind}_precision")[0] for cell in cells])
        recall = np.array([getattr(cell.published, f"{kind}_recall")[0] for cell in cells])
        f1 = 2 * precision * recall / (precision + recall)
        totals[kind] = {
            "macro_f1": float(f1.mean()),
            "balanced_accuracy": float(recall.mean()),
            "accuracy": float(recall @ weight / weight.sum()),
            "weighted_f1": float(f1 @ weight / weight.sum()),
        }
    return totals


def calibration(
    values: NDArray[np.float32], rows: pl.DataFrame, codes: list[str]
) -> dict[str, Any]:
    """Expected calibration error of the top class, ten bins of equal width (Guo et al. 2017)."""
    if not codes or np.isnan(values).any():
        return {"ece": None, "bins": []}
    confidence = values.max(axis=1)
    right = np.array([codes[k] for k in values.argmax(axis=1)]) == rows["label"].to_numpy()
    bins = np.minimum((confidence * 10).astype(int), 9)
    points = [
        (
            float(confidence[bins == k].mean()),
            float(right[bins == k].mean()),
            int((bins == k).sum()),
        )
        for k in range(10)
        if (bins == k).any()
    ]
    error = sum(abs(mean - share) * count for mean, share, count in points) / len(confidence)
    return {"ece": float(error), "bins": points}


def _with_intervals(
    matrix: NDArray[np.int64], draws: NDArray[np.int64], correct: NDArray[np.bool_]
) -> dict[str, Any]:
    scores: Scores = score(matrix, correct)
    ranges = intervals(draws, correct, (*_TOTALS, *_PER_CLASS))
    result: dict[str, Any] = {
        name: Value(float(getattr(scores, name)), *(float(end) for end in ranges[name]))
        for name in _TOTALS
    }
    for name in _PER_CLASS:
        low, high = ranges[name]
        result[name] = [
            Value(float(value), float(low[k]), float(high[k]))
            for k, value in enumerate(getattr(scores, name))
        ]
    return result


def _class_result(
    code: str,
    place: int,
    matrix: NDArray[np.int64],
    results: dict[str, dict[str, Any]],
    synthetic: bool,
) -> ClassResult:
    known = BY_CODE.get(code)
    published = None
    if known is not None and not synthetic:  # drawn cells compare with nothing published
        published = {
            f"{kind}_{name}": getattr(known.published, f"{kind}_{name}")
            for kind in ("strict", "tolerant")
            for name in ("precision", "recall")
        }
    return ClassResult(
        code=code,
        name=known.name if known else code,
        cells=int(matrix[place].sum()),
        predicted=int(matrix[:, place].sum()),
        strict={name: results["strict"][name][place] for name in _PER_CLASS},
        tolerant={name: results["tolerant"][name][place] for name in _PER_CLASS},
        published=published,
    )


def _confusions(
    matrix: NDArray[np.int64], codes: tuple[str, ...], tolerant: NDArray[np.bool_]
) -> tuple[Confusion, ...]:
    support = matrix.sum(axis=1)
    found = [
        Confusion(
            codes[row],
            codes[column],
            int(matrix[row, column]),
            float(matrix[row, column] / support[row]),
            bool(tolerant[row, column]),
        )
        for row, column in zip(*np.nonzero(matrix), strict=True)
        if row != column
    ]
    return tuple(sorted(found, key=lambda entry: (-entry.share, entry.truth, entry.predicted)))


def _warnings(rows: pl.DataFrame, codes: tuple[str, ...], matrix: NDArray[np.int64]) -> list[str]:
    warnings = []
    ungrouped = split_warning(rows)
    if ungrouped:
        warnings.append(ungrouped)
    if "split" in rows.columns and "train" in set(rows["split"].to_list()):
        warnings.append(
            "Some of these cells carry split 'train': scores on them flatter the model."
        )
    if METHOD in rows.columns and rows[METHOD].n_unique() > 1:
        warnings.append("The cells come from more than one split.")
    absent = [code for k, code in enumerate(codes) if matrix[k].sum() == 0]
    if absent:
        warnings.append(
            f"No cell of {', '.join(absent)} in this set: means run over the other "
            f"{len(codes) - len(absent)} classes; predictions of them count as errors."
        )
    if {code for k, code in enumerate(codes) if matrix[k].sum()} != set(CODES):
        warnings.append(
            "The published totals are of 21 classes; this set holds others, so compare class by "
            "class and with care."
        )
    return warnings
