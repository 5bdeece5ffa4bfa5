"""Mean and standard deviation over folds, worked out by hand."""

import math

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.evaluation.fold_scores import join_folds

# Fold 0: precision BLA 1, PMO 2/3; recall BLA 1/2, PMO 1.
# Fold 1: precision BLA 2/3, PMO 1; recall BLA 1, PMO 1/2. Fold 2: all right, and no PMO.
ANSWERS = [
    (0, "BLA", "BLA"), (0, "BLA", "PMO"), (0, "PMO", "PMO"), (0, "PMO", "PMO"),
    (1, "BLA", "BLA"), (1, "BLA", "BLA"), (1, "PMO", "BLA"), (1, "PMO", "PMO"),
    (2, "BLA", "BLA"),
]  # fmt: skip


def table(answers: list[tuple[int, str, str]] = ANSWERS) -> pl.DataFrame:
    rows = pl.DataFrame(answers, schema=["fold", "label", "predicted"], orient="row")
    return rows.with_columns(
        pl.col("fold").cast(pl.Int32),
        pl.Series("cell_id", [f"c{row}" for row in range(rows.height)]),
    )


def test_scores_over_folds_are_those_worked_out_by_hand() -> None:
    folds = evaluate(table(), tolerated=frozenset(), resamples=20).folds
    assert folds is not None
    assert folds.names == ("0", "1", "2")
    assert folds.cells == (4, 4, 1)
    blast, promyelocyte = (
        next(entry for entry in folds.classes if entry.code == code) for code in ("BLA", "PMO")
    )
    assert (blast.folds, promyelocyte.folds) == (3, 2)
    assert blast.strict["recall"].values == (0.5, 1.0, 1.0)
    assert blast.strict["recall"].mean == pytest.approx(5 / 6)
    assert blast.strict["recall"].sd == pytest.approx(math.sqrt(1 / 12))
    assert blast.strict["precision"].mean == pytest.approx(8 / 9)
    assert blast.strict["precision"].sd == pytest.approx(math.sqrt(1 / 27))
    assert blast.strict["f1"].values == pytest.approx((2 / 3, 4 / 5, 1))
    # No promyelocyte in fold 2: neither its recall nor its precision exists there.
    assert promyelocyte.strict["recall"].mean == pytest.approx(0.75)
    assert promyelocyte.strict["recall"].sd == pytest.approx(math.sqrt(1 / 8))
    assert promyelocyte.strict["precision"].mean == pytest.approx(5 / 6)
    assert math.isnan(promyelocyte.strict["precision"].values[2])
    assert folds.strict["accuracy"].values == (0.75, 0.75, 1.0)
    assert folds.strict["accuracy"].sd == pytest.approx(math.sqrt(1 / 48))
    assert folds.strict["balanced_accuracy"].values == (0.75, 0.75, 1.0)
    assert folds.strict["macro_f1"].values == pytest.approx((11 / 15, 11 / 15, 1))


def test_tolerated_pairs_count_in_every_fold() -> None:
    pair = frozenset({frozenset({"BLA", "PMO"})})
    folds = evaluate(table(), tolerated=pair, resamples=20).folds
    assert folds is not None
    assert folds.tolerant["accuracy"].values == (1.0, 1.0, 1.0)
    assert folds.tolerant["accuracy"].sd == 0
    assert folds.strict["accuracy"].mean == pytest.approx(5 / 6)


def test_a_class_in_one_fold_has_a_mean_and_no_deviation() -> None:
    folds = evaluate(table([*ANSWERS, (2, "LYT", "BLA")]), resamples=20).folds
    assert folds is not None
    (entry,) = (entry for entry in folds.classes if entry.code == "LYT")
    assert (entry.folds, entry.strict["recall"].mean) == (1, 0)
    assert math.isnan(entry.strict["recall"].sd)


def test_one_fold_or_none_has_no_scores_over_folds() -> None:
    assert evaluate(table(ANSWERS[:4]), resamples=20).folds is None
    assert evaluate(table().drop("fold"), resamples=20).folds is None


def test_cells_without_a_fold_are_counted_in_a_warning() -> None:
    loose = table().with_columns(
        pl.when(pl.col("cell_id") == "c1").then(None).otherwise(pl.col("fold")).alias("fold")
    )
    result = evaluate(loose, resamples=20)
    assert result.folds is not None
    assert result.folds.cells == (3, 4, 1)
    assert result.counts["evaluated"] == 9
    assert any(line.startswith("1 cells have no fold") for line in result.warnings)


def test_tables_of_different_folds_keep_their_numbers() -> None:
    parts = [table().filter(pl.col("fold") == fold) for fold in (2, 0)]
    assert join_folds(parts)["fold"].to_list() == [2, 0, 0, 0, 0]


def test_tables_that_share_folds_or_have_none_are_numbered_in_their_order() -> None:
    first = table().filter(pl.col("fold") == 0)
    for tables in ([first, first], [first.drop("fold"), first]):
        assert join_folds(tables)["fold"].to_list() == [0] * 4 + [1] * 4
    result = evaluate(join_folds([first, first]), resamples=20)
    assert result.folds is not None
    assert result.folds.strict["accuracy"].values == (0.75, 0.75)
    assert any(line.startswith("4 rows repeat a cell") for line in result.warnings)
    assert join_folds([first]).equals(first)


def test_tables_that_do_not_fit_are_refused() -> None:
    other = table().with_columns(predicted=pl.lit([1]))
    with pytest.raises(InputError, match="do not fit together"):
        join_folds([table(), other])


def test_a_fold_that_is_one_laboratory_has_its_name() -> None:
    owners = pl.Series("laboratory", ["M"] * 4 + ["B"] * 4 + ["U"])
    folds = evaluate(table().with_columns(owners), resamples=20).folds
    assert folds is not None
    assert folds.names == ("M", "B", "U")
    mixed = evaluate(table().with_columns(owners.shuffle(1)), resamples=20).folds
    assert mixed is not None
    assert mixed.names == ("0", "1", "2")
