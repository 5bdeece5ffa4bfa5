"""Comparison of classifiers: paired tests by hand, and what is refused."""

from math import sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from marrowscope.errors import InputError
from marrowscope.evaluation.model_comparison import compare
from marrowscope.evaluation.paired_tests import cell_test, fold_test, holm
from marrowscope.report.comparison_figure import comparison_figure
from marrowscope.scoring import confusion_matrix, score


def predictions(seed: int, right: float, cells: int = 400, folds: int = 5) -> pl.DataFrame:
    truth = np.random.default_rng(0).choice(["LYT", "MON", "EOS"], cells)
    random = np.random.default_rng(seed)
    guess = random.choice(["LYT", "MON", "EOS"], cells)
    answer = np.where(random.random(cells) < right, truth, guess)
    return pl.DataFrame(
        {
            "cell_id": [f"cell {n}" for n in range(cells)],
            "label": truth,
            "predicted": answer,
            "fold": np.arange(cells) % folds,
        }
    )


def test_the_corrected_t_test_by_hand() -> None:
    # Differences 1, 2, 3 in hundredths: mean 2, variance 1; three folds, test over train 1/2.
    result = fold_test(np.array([0.01, 0.02, 0.03]), 0.5)
    t = 0.02 / sqrt((1 / 3 + 1 / 2) * 0.0001)
    assert (result.difference, result.t) == pytest.approx((0.02, t))
    assert result.degrees == 2
    # With two degrees of freedom the t distribution has a closed form.
    assert result.p == pytest.approx(1 - t / sqrt(2 + t * t))


def test_the_correction_makes_the_plain_paired_t_test_more_careful() -> None:
    one, two = np.array([0.71, 0.74, 0.7, 0.75, 0.72]), np.array([0.7, 0.71, 0.69, 0.71, 0.70])
    plain = stats.ttest_rel(one, two)
    assert fold_test(one - two, 0.0).p == pytest.approx(plain.pvalue)
    assert fold_test(one - two, 0.25).p > plain.pvalue


def test_folds_without_a_cell_of_the_class_take_no_part() -> None:
    assert fold_test(np.array([0.01, np.nan, 0.03, 0.02]), 0.5) == fold_test(
        np.array([0.01, 0.03, 0.02]), 0.5
    )
    assert np.isnan(fold_test(np.array([0.1, np.nan]), 0.5).p)
    assert fold_test(np.zeros(5), 0.25).p == 1


def test_holm_by_hand() -> None:
    # .01·3; .02·2 = .04; .03·1 → not below the one before.
    assert holm(np.array([0.03, 0.01, np.nan, 0.02])) == pytest.approx(
        [0.04, 0.03, np.nan, 0.04], nan_ok=True
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_nor_changes_the_order(values: list[float]) -> None:
    p = np.array(values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_the_paired_bootstrap_agrees_with_resampling_cell_by_cell() -> None:
    random = np.random.default_rng(1)
    truth, one, two = (random.integers(0, 3, 60) for _ in range(3))
    one = np.where(random.random(60) < 0.5, truth, one)
    result = cell_test(truth, one, two, 3, np.eye(3, dtype=bool), 4000, 0)
    plain = []
    for _ in range(4000):
        rows = random.integers(0, 60, 60)
        f1 = [score(confusion_matrix(truth[rows], a[rows], 3)).macro_f1 for a in (one, two)]
        plain.append(float(f1[0] - f1[1]))
    assert (result.low, result.high) == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=0.03)
    f1 = [score(confusion_matrix(truth, answer, 3)).macro_f1 for answer in (one, two)]
    assert result.difference == pytest.approx(float(f1[0] - f1[1]))


def test_drawing_patients_gives_wider_intervals_than_drawing_cells() -> None:
    # Whole patients are right or wrong, in turn.
    patient = np.repeat(np.arange(10), 20)
    truth = np.tile([0, 1], 100)
    one = np.where(patient % 2 == 0, truth, 1 - truth)
    cells, patients = (
        cell_test(truth, one, truth, 2, np.eye(2, dtype=bool), 500, 0, groups)
        for groups in (None, patient)
    )
    assert patients.high - patients.low > 2 * (cells.high - cells.low)


def test_a_clearly_better_model_is_called_better_and_an_equal_one_undecided() -> None:
    tables = {"good": predictions(1, 0.9), "bad": predictions(2, 0.3), "twin": predictions(3, 0.9)}
    result = compare(tables, resamples=500)
    verdicts = {(d.first, d.second): d.verdict for d in result.pairwise_tests if d.kind == "strict"}
    assert verdicts == {
        ("good", "bad"): "yes",
        ("good", "twin"): "undecided",
        ("bad", "twin"): "no",
    }
    sentence = result.pairwise_tests[0].sentence()
    assert sentence.startswith("good is better than bad (strict macro-F1): yes.")
    assert "t(4)" in sentence


@given(seed=st.integers(0, 50))
def test_swapping_two_models_turns_every_difference_round(seed: int) -> None:
    one, two = predictions(seed, 0.7, 80), predictions(seed + 1, 0.5, 80)
    a = compare({"a": one, "b": two}, resamples=100).pairwise_tests[0]
    b = compare({"b": two, "a": one}, resamples=100).pairwise_tests[0]
    assert a.cells.difference == pytest.approx(-b.cells.difference)
    assert (a.folds.t, a.folds.p) == pytest.approx((-b.folds.t, b.folds.p))


def test_recall_is_the_mean_over_folds() -> None:
    rows = pl.DataFrame(
        {
            "cell_id": list("abcdef"),
            "label": ["LYT"] * 6,
            "predicted": ["LYT", "HAC", "MON", "LYT", "LYT", "LYT"],
            "fold": [0, 0, 0, 1, 1, 1],
        }
    )
    result = compare({"one": rows, "two": rows}, resamples=100)
    strict, tolerant = (
        result.recalls.filter((pl.col("model") == "one") & (pl.col("kind") == kind)).row(
            0, named=True
        )
        for kind in ("strict", "tolerant")
    )
    assert strict["values"] == pytest.approx([1 / 3, 1])
    assert strict["sd"] == pytest.approx(np.std([1 / 3, 1], ddof=1))
    assert tolerant["mean"] == pytest.approx((2 / 3 + 1) / 2)
    assert {test.verdict for test in result.pairwise_tests} == {"undecided"}


def test_the_order_of_rows_does_not_matter() -> None:
    one, two = predictions(1, 0.8), predictions(2, 0.6)
    shuffled = two.sample(fraction=1, shuffle=True, seed=1)
    assert (
        compare({"a": one, "b": two}, resamples=100).pairwise_tests
        == compare({"a": one, "b": shuffled}, resamples=100).pairwise_tests
    )


def test_without_folds_only_cells_are_tested() -> None:
    result = compare(
        {"a": predictions(1, 0.9).drop("fold"), "b": predictions(2, 0.3).drop("fold")},
        resamples=200,
    )
    assert result.folds == ()
    assert np.isnan(result.pairwise_tests[0].p_folds)
    assert result.pairwise_tests[0].verdict == "yes"
    assert "no folds" in result.pairwise_tests[0].sentence()


BASE = predictions(1, 0.8, 40)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (BASE.head(39), "different cells .40 and 39, 39 in both."),
        (BASE.with_columns(fold=(pl.col("fold") + 1) % 5), "different folds"),
        (BASE.drop("fold"), "different folds"),
        (BASE.with_columns(label=pl.lit("LYT")), "different labels"),
        (pl.concat([BASE, BASE.head(1)]), "twice"),
        (BASE.drop("label"), "no column label"),
        (BASE.with_columns(label=pl.lit(None, pl.String)), "no cell has a label"),
        (
            BASE.with_columns(
                predicted=pl.when(pl.col("cell_id") == "cell 3").then(None).otherwise("predicted")
            ),
            "cell 3 has no prediction",
        ),
    ],
)
def test_predictions_that_do_not_pair_are_refused(other: pl.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        compare({"a": BASE, "b": other}, resamples=100)


def test_one_model_is_no_comparison() -> None:
    with pytest.raises(InputError, match="at least two"):
        compare({"a": BASE})


def test_the_figure_shows_both_kinds_and_names_of_users_are_no_formulas() -> None:
    figure = comparison_figure(
        compare({"$x^": predictions(1, 0.8), "b": predictions(2, 0.7)}, resamples=100)
    )
    assert [axes.get_ylabel() for axes in figure.axes] == ["tolerant recall", "strict recall"]
    figure.canvas.draw()
