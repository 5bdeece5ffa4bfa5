"""Evaluation of a prediction table."""

import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.contents import NO_IDS
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import MAX_CLASSES, evaluate
from marrowscope.morphology import CODES
from support.predictions import predictions


def test_every_value_lies_in_its_interval_and_tolerant_is_not_below_strict() -> None:
    result = evaluate(predictions(), resamples=400)
    for entry in result.classes:
        for kind in (entry.strict, entry.tolerant):
            assert kind["recall"].low <= kind["recall"].value <= kind["recall"].high
        assert entry.tolerant["recall"].value >= entry.strict["recall"].value
    assert result.strict["accuracy"].low < result.strict["accuracy"].value
    assert result.strict["accuracy"].value < result.strict["accuracy"].high
    assert result.matrix.sum() == 300


def test_few_patients_are_said_and_one_patient_gives_no_interval_of_width_zero() -> None:
    three = predictions().with_columns(pl.Series("patient_id", ["a", "b", "c"] * 100))
    result = evaluate(three, resamples=10)
    assert (result.bootstrap["unit"], result.bootstrap["units"]) == ("patient_id", 3)
    assert any("Only 3" in line for line in result.warnings)
    result = evaluate(three.with_columns(pl.lit("a").alias("patient_id")), resamples=50)
    assert any("same patient_id" in line for line in result.warnings)
    assert result.strict["accuracy"].low < result.strict["accuracy"].high


def test_a_cell_without_id_among_others_with_one_stands_for_itself() -> None:
    ids = pl.Series("patient_id", ["a", "b", None] * 100)
    assert evaluate(predictions().with_columns(ids), resamples=10).bootstrap["units"] == 102


def test_one_cell_of_a_tiny_class_is_not_the_worst_confusion() -> None:
    table = predictions(101, codes=("BLA", "LYT")).with_columns(
        pl.Series("label", ["ABE"] + ["BLA"] * 100),
        pl.Series("predicted", ["BLA"] + ["LYT"] * 60 + ["BLA"] * 40),
    )
    worst = evaluate(table, resamples=10).confusions
    assert [(c.truth, c.predicted, c.share) for c in worst] == [
        ("BLA", "LYT", 0.6), ("ABE", "BLA", 1.0),
    ]  # fmt: skip


def test_a_class_without_a_mistake_is_not_called_certain() -> None:
    table = predictions(8, codes=("BLA", "LYT")).with_columns(
        pl.lit("BLA").alias("label"), pl.lit("BLA").alias("predicted")
    )
    recall = evaluate(table, resamples=20).classes[0].strict["recall"]
    # Wilson with all of 8 right: 8 / (8 + 1.96²) = .676.
    assert (recall.value, recall.high) == (1, 1)
    assert recall.low == pytest.approx(0.6756, abs=1e-4)


def test_a_table_without_split_is_said_to_be_possibly_that_of_the_training() -> None:
    def said(table: pl.DataFrame) -> bool:
        return any("no split" in line for line in evaluate(table, resamples=10).warnings)

    assert said(predictions())
    assert not said(predictions().with_columns(pl.lit("test").alias("split")))


def test_classes_that_are_never_predicted_are_said() -> None:
    table = predictions(codes=("BLA", "LYT")).with_columns(pl.lit("BLA").alias("predicted"))
    assert any("Never predicted: LYT" in line for line in evaluate(table, resamples=10).warnings)


def test_synthetic_cells_among_real_ones_are_said() -> None:
    names = pl.Series("annotator", ["synthetic"] * 5 + ["someone"] * 295)
    result = evaluate(predictions().with_columns(names), resamples=10)
    assert not result.synthetic
    assert any("5 of 300 cells are synthetic" in line for line in result.warnings)


def test_blank_labels_are_no_class() -> None:
    table = predictions().with_columns(pl.Series("label", [" ", ""] + ["BLA"] * 298))
    assert evaluate(table, resamples=10).counts["without label"] == 2


def test_a_column_that_holds_no_classes_is_refused() -> None:
    table = predictions().with_columns(pl.col("cell_id").alias("label"))
    with pytest.raises(InputError, match=f"more than {MAX_CLASSES}"):
        evaluate(table)


def test_probabilities_out_of_range_give_no_calibration() -> None:
    table = predictions().with_columns(pl.lit(float("inf"), pl.Float32).alias("p_BLA"))
    assert evaluate(table, resamples=10).calibration["ece"] is None


def test_rows_without_truth_or_prediction_are_counted_and_left_out() -> None:
    table = predictions(100).with_columns(
        pl.Series("error", ["empty file"] + [None] * 99, dtype=pl.String)
    )
    label = table["label"].to_list()
    label[1] = None
    result = evaluate(table.with_columns(pl.Series("label", label)), resamples=10)
    assert result.counts == {
        "rows": 100, "evaluated": 98, "without label": 1, "without prediction": 1,
    }  # fmt: skip


def test_without_patient_ids_every_result_carries_the_line() -> None:
    assert NO_IDS in evaluate(predictions(), resamples=10).warnings
    with_ids = predictions().with_columns(pl.col("cell_id").alias("patient_id"))
    assert NO_IDS not in evaluate(with_ids, resamples=10).warnings


def test_training_cells_among_the_evaluated_are_said() -> None:
    table = predictions().with_columns(pl.lit("train").alias("split"))
    assert any("flatter" in line for line in evaluate(table, resamples=10).warnings)


def test_seven_of_21_classes_are_not_compared_in_silence() -> None:
    table = predictions(codes=CODES[:7]).with_columns(
        pl.lit(0.0, dtype=pl.Float32).alias(f"p_{code}") for code in CODES[7:]
    )
    result = evaluate(table, resamples=10)
    assert len(result.codes) == 21
    assert any("No cell of" in line for line in result.warnings)
    assert any("published totals" in line for line in result.warnings)
    present = [c for c in result.classes if c.cells]
    assert result.strict["macro_f1"].value == pytest.approx(
        np.mean([c.strict["f1"].value for c in present])
    )


def test_labels_outside_the_models_classes_count_as_errors() -> None:
    table = predictions(codes=("cat", "dog")).with_columns(
        pl.Series("label", ["bird"] * 300, dtype=pl.String)
    )
    result = evaluate(table, resamples=10)
    assert result.codes == ("bird", "cat", "dog")
    assert result.strict["accuracy"].value == 0


def test_pairs_of_ones_own_count() -> None:
    table = predictions(codes=("cat", "dog", "fox"))
    pairs = frozenset({frozenset({"cat", "dog"})})
    result = evaluate(table, tolerated=pairs, resamples=10)
    assert result.tolerant["accuracy"].value > result.strict["accuracy"].value
    assert {c.tolerated for c in result.confusions if {c.truth, c.predicted} == {"cat", "dog"}} == {
        True
    }


@pytest.mark.parametrize("column", ["label", "predicted"])
def test_tables_that_cannot_be_evaluated_are_refused(column: str) -> None:
    with pytest.raises(InputError, match=column):
        evaluate(predictions().drop(column))
    with pytest.raises(InputError, match="no row"):
        evaluate(predictions().with_columns(pl.lit(None, dtype=pl.String).alias(column)))
