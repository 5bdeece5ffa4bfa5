"""A table of predictions → everything that a report of the evaluation says."""

import numpy as np
import polars as pl

from marrowscope.cells import group_column, probabilities, probability_codes
from marrowscope.dataset.contents import incomplete_group_column
from marrowscope.dataset.laboratories import laboratory_warnings
from marrowscope.errors import InputError
from marrowscope.evaluation.bootstrap import resampled_matrices
from marrowscope.evaluation.class_scores import (
    class_result,
    ranked_confusions,
    scores_with_intervals,
)
from marrowscope.evaluation.evaluation_result import TOTALS, Evaluation
from marrowscope.evaluation.fold_scores import scores_over_folds
from marrowscope.evaluation.laboratory_scores import scores_by_laboratory
from marrowscope.evaluation.reliability import reliability_bins
from marrowscope.evaluation.score_warnings import (
    cell_warnings,
    class_warnings,
    novelty_warnings,
    unit_warnings,
)
from marrowscope.evaluation.study_table import published_totals
from marrowscope.morphology import TOLERATED, in_display_order
from marrowscope.scoring import confusion_matrix, tolerance_matrix

# More classes than this are a sign of a wrong column; a matrix of them nobody could read.
MAX_CLASSES = 100


def evaluate(
    predictions: pl.DataFrame,
    tolerated: frozenset[frozenset[str]] = TOLERATED,
    resamples: int = 2000,
    seed: int = 0,
) -> Evaluation:
    """Score predictions.

    Args:
        predictions: with ``label``, ``predicted`` and ``p_<CODE>``; with ``fold`` where several
            folds are scored one by one too.
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
                f"the table has no column {name}; evaluation needs truth (`truth` names a table "
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
        "strict": scores_with_intervals(matrix, draws, strict),
        "tolerant": scores_with_intervals(matrix, draws, tolerant),
    }
    return Evaluation(
        codes=codes,
        matrix=matrix,
        classes=tuple(
            class_result(code, place[code], matrix, results, synthetic) for code in codes
        ),
        strict={name: results["strict"][name] for name in TOTALS},
        tolerant={name: results["tolerant"][name] for name in TOTALS},
        published={} if synthetic else published_totals(),
        confusions=ranked_confusions(matrix, codes, tolerant),
        tolerated=tuple(
            (codes[one], codes[two])
            for one, two in zip(*np.nonzero(np.triu(tolerant, 1)), strict=True)
        ),
        bootstrap={"resamples": resamples, "seed": seed, "unit": unit, "units": units},
        calibration=reliability_bins(probabilities(rows), rows, probability_codes(rows)),
        counts={
            "rows": predictions.height,
            "evaluated": rows.height,
            "without label": predictions.filter(~bad & pl.col("label").is_null()).height,
            "without prediction": predictions.filter(bad).height,
        },
        warnings=(
            *cell_warnings(rows, drawn),
            *novelty_warnings(rows),
            *laboratory_warnings(rows),
            *unit_warnings(unit, units),
            *class_warnings(codes, matrix, synthetic),
        ),
        synthetic=synthetic,
        folds=scores_over_folds(rows, truth, predicted, codes, tolerant),
        laboratories=scores_by_laboratory(
            rows, truth, predicted, codes, tolerant, resamples, seed, groups
        ),
    )


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
