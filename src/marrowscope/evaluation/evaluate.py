"""From a table of predictions to everything that a report says."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import group_column, probabilities, probability_codes
from marrowscope.dataset.check import incomplete_group_column
from marrowscope.errors import InputError
from marrowscope.evaluation.bootstrap import intervals, resampled_matrices
from marrowscope.evaluation.calibration import calibration
from marrowscope.evaluation.caveats import cell_warnings, class_warnings, unit_warnings
from marrowscope.morphology import BY_CODE, CODES, TOLERATED, in_display_order
from marrowscope.scoring import (
    Scores,
    confusion_matrix,
    score,
    tolerance_matrix,
    wilson_interval,
)

# Aggregates of the published Table 1 (computed from its rounded entries), five-fold
# cross-validation on all 21 classes.
_TOTALS = ("macro_f1", "balanced_accuracy", "accuracy", "weighted_f1")
_PER_CLASS = ("precision", "recall", "f1")

# More classes than this are a sign of a wrong column; a matrix of them nobody could read.
MAX_CLASSES = 100


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
        confusions: off-diagonal entries, worst first: by the lower end of the Wilson 95 %
            interval of their share, so that one cell of a tiny class does not come first.
        tolerated: the pairs that were in force among ``codes``.
        bootstrap: ``resamples``, ``seed``, ``unit`` that was drawn and number of ``units``.
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
    tolerated: tuple[tuple[str, str], ...]
    bootstrap: dict[str, Any]
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
        InputError: no labels, no predictions, no row that has both, or more than ``MAX_CLASSES``
            classes.
    """
    for name in ("label", "predicted"):
        if name not in predictions.columns:
            raise InputError(
                f"the table has no column {name}; evaluation needs truth (--truth names a table "
                "with labels) and prediction ('marrowscope predict')"
            )
    predictions = predictions.with_columns(_blank_is_null("label"), _blank_is_null("predicted"))
    bad = pl.col("predicted").is_null()
    if "error" in predictions.columns:
        bad = bad | pl.col("error").is_not_null()
    rows = predictions.filter(~bad & pl.col("label").is_not_null())
    if rows.height == 0:
        raise InputError("no row has both a label and a prediction")
    probable = set(probability_codes(rows))
    occurring = set(rows["label"].to_list()) | set(rows["predicted"].to_list())
    codes = tuple(in_display_order(probable | occurring))
    if len(codes) > MAX_CLASSES:
        raise InputError(
            f"label, predicted and p_ columns name {len(codes)} classes, more than {MAX_CLASSES}; "
            "do these columns hold classes?"
        )
    place = {code: index for index, code in enumerate(codes)}
    truth = np.array([place[code] for code in rows["label"]], dtype=np.int64)
    predicted = np.array([place[code] for code in rows["predicted"]], dtype=np.int64)
    matrix = confusion_matrix(truth, predicted, len(codes))
    unit, groups = _groups(rows)
    units = rows.height if groups is None else len(set(groups))
    draws = resampled_matrices(
        truth, predicted, len(codes), resamples, seed, groups if units > 1 else None
    )
    strict = np.eye(len(codes), dtype=bool)
    tolerant = tolerance_matrix(codes, tolerated)
    drawn = _synthetic_count(rows)
    synthetic = drawn == rows.height
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
        tolerated=tuple(
            (codes[one], codes[two])
            for one, two in zip(*np.nonzero(np.triu(tolerant, 1)), strict=True)
        ),
        bootstrap={"resamples": resamples, "seed": seed, "unit": unit, "units": units},
        calibration=calibration(probabilities(rows), rows, probability_codes(rows)),
        counts={
            "rows": predictions.height,
            "evaluated": rows.height,
            "without label": predictions.filter(~bad & pl.col("label").is_null()).height,
            "without prediction": predictions.filter(bad).height,
        },
        warnings=(
            *cell_warnings(rows, drawn),
            *unit_warnings(unit, units),
            *class_warnings(codes, matrix, synthetic),
        ),
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
        if name != "f1":
            cells = matrix.sum(axis=1 if name == "recall" else 0)
            low, high = _never_without_width(getattr(scores, name), cells, low, high)
        result[name] = [
            Value(float(value), float(low[k]), float(high[k]))
            for k, value in enumerate(getattr(scores, name))
        ]
    return result


def _never_without_width(
    shares: NDArray[np.float64],
    cells: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson intervals where all or none of the cells are right.

    Every resample of such cells is the same, and the bootstrap would claim certainty.
    """
    wilson_low, wilson_high = wilson_interval(shares * cells, cells.astype(np.float64))
    flat = (cells > 0) & ((shares == 0) | (shares == 1))
    return np.where(flat, wilson_low, low), np.where(flat, wilson_high, high)


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
    return tuple(sorted(found, key=lambda entry: (-_surely(entry), entry.truth, entry.predicted)))


def _surely(entry: Confusion) -> float:
    return float(wilson_interval(np.array(entry.count), np.array(entry.count / entry.share))[0])


def _blank_is_null(column: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String)
    return pl.when(text.str.strip_chars() != "").then(text).alias(column)


def _groups(rows: pl.DataFrame) -> tuple[str, list[str] | None]:
    """What is drawn in the bootstrap, and to which unit every cell belongs (None: to itself).

    A cell without an id in a table where others have one stands for itself, as in a split.
    """
    column = group_column(rows) or incomplete_group_column(rows)
    if column is None:
        return "cell", None
    own = [f"cell {number}" for number in range(rows.height)]
    ids = [None if value is None else f"id {value}" for value in rows[column].to_list()]
    return column, [name or alone for name, alone in zip(ids, own, strict=True)]


def _synthetic_count(rows: pl.DataFrame) -> int:
    return int((rows["annotator"] == "synthetic").sum()) if "annotator" in rows.columns else 0
