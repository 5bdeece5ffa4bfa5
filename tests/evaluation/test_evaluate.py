"""Evaluation of a prediction table."""

import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.check import NO_IDS
from marrowscope.errors import InputError
from marrowscope.evaluation.bootstrap import intervals, resampled_matrices
from marrowscope.evaluation.evaluate import calibration, evaluate, published_totals
from marrowscope.morphology import CODES


def predictions(count: int = 300, seed: int = 0, codes: tuple[str, ...] = CODES) -> pl.DataFrame:
    """Random truth, predictions right for about 70 %."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(codes), count)
    values = random.dirichlet(np.full(len(codes), 0.3), count)
    values[np.arange(count), truth] += random.uniform(0, 1.2, count)
    values = (values / values.sum(1, keepdims=True)).astype(np.float32)
    return pl.DataFrame(
        {
            "cell_id": [f"c{k}" for k in range(count)],
            "path": [f"/nowhere/{k}.png" for k in range(count)],
            "label": [codes[k] for k in truth],
            "predicted": [codes[k] for k in values.argmax(1)],
            "confidence": values.max(1),
            **{f"p_{code}": values[:, k] for k, code in enumerate(codes)},
        }
    )


def test_published_totals_are_those_computed_from_table_1() -> None:
    found = published_totals()
    strict = {
        "macro_f1": 0.545,
        "balanced_accuracy": 0.689,
        "accuracy": 0.726,
        "weighted_f1": 0.748,
    }
    tolerant = {
        "macro_f1": 0.645, "balanced_accuracy": 0.762, "accuracy": 0.805, "weighted_f1": 0.822,
    }  # fmt: skip
    assert found["strict"] == pytest.approx(strict, abs=6e-4)
    assert found["tolerant"] == pytest.approx(tolerant, abs=6e-4)


def test_every_value_lies_in_its_interval_and_tolerant_is_not_below_strict() -> None:
    result = evaluate(predictions(), resamples=400)
    for entry in result.classes:
        for kind in (entry.strict, entry.tolerant):
            assert kind["recall"].low <= kind["recall"].value <= kind["recall"].high
        assert entry.tolerant["recall"].value >= entry.strict["recall"].value
    assert result.strict["accuracy"].low < result.strict["accuracy"].value
    assert result.strict["accuracy"].value < result.strict["accuracy"].high
    assert result.matrix.sum() == 300


def test_intervals_cover_the_true_accuracy_about_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for seed in range(300):
        truth = random.integers(0, 3, 120)
        predicted = np.where(random.random(120) < 0.8, truth, (truth + 1) % 3)
        draws = resampled_matrices(truth, predicted, 3, 300, seed)
        low, high = intervals(draws, np.eye(3, dtype=bool), ("accuracy",))["accuracy"]
        covered += bool(low <= 0.8 <= high)
    assert 0.91 <= covered / 300 <= 0.985


def test_intervals_of_dependent_cells_are_wider_when_patients_are_known() -> None:
    random = np.random.default_rng(0)
    patients = np.repeat(np.arange(20), 30)
    skill = random.uniform(0.4, 1.0, 20)[patients]
    truth = random.integers(0, 2, 600)
    predicted = np.where(random.random(600) < skill, truth, 1 - truth)
    width = []
    for groups in (None, [str(p) for p in patients]):
        draws = resampled_matrices(truth, predicted, 2, 1000, 0, groups)
        assert draws.shape == (1000, 2, 2)
        low, high = intervals(draws, np.eye(2, dtype=bool), ("accuracy",))["accuracy"]
        width.append(float(high - low))
    assert width[1] > 1.5 * width[0]


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


def test_calibration_error_of_a_hand_worked_example() -> None:
    # Four cells said .9 (three right), two said .6 (one right): (4·|.9−.75| + 2·|.6−.5|) / 6.
    values = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 2, dtype=np.float32)
    rows = pl.DataFrame({"label": ["a", "a", "a", "b", "a", "b"]})
    assert calibration(values, rows, ["a", "b"])["ece"] == pytest.approx((0.6 + 0.2) / 6, abs=1e-6)


@pytest.mark.parametrize("column", ["label", "predicted"])
def test_tables_that_cannot_be_evaluated_are_refused(column: str) -> None:
    with pytest.raises(InputError, match=column):
        evaluate(predictions().drop(column))
    with pytest.raises(InputError, match="no row"):
        evaluate(predictions().with_columns(pl.lit(None, dtype=pl.String).alias(column)))
