"""Comparison of classifiers: paired tests by hand, and what is refused."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.errors import InputError
from marrowscope.evaluation.model_comparison import compare
from support.compared_predictions import predictions


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


def test_one_model_is_no_comparison() -> None:
    with pytest.raises(InputError, match="at least two"):
        compare({"a": predictions(1, 0.8, 40)})


def test_every_model_is_scored_on_each_laboratory() -> None:
    owners = pl.Series("laboratory", ["Munich"] * 200 + ["Bonn"] * 199 + [None])
    good, bad = (
        predictions(seed, right).with_columns(owners) for seed, right in ((1, 1.0), (2, 0.3))
    )
    found = compare({"good": good, "bad": bad}, resamples=100).laboratories
    strict = found.filter(kind="strict")
    assert strict.select("laboratory", "model", "cells").rows() == [
        ("Bonn", "good", 199), ("Bonn", "bad", 199),
        ("Munich", "good", 200), ("Munich", "bad", 200), (None, "good", 1), (None, "bad", 1),
    ]  # fmt: skip
    assert strict.filter(model="good")["macro_f1"].to_list() == [1.0, 1.0, 1.0]
    munich = bad.filter(laboratory="Munich")
    right = (munich["label"] == munich["predicted"]).mean()
    (accuracy,) = strict.filter(model="bad", laboratory="Munich")["accuracy"]
    assert accuracy == pytest.approx(right)


def test_one_laboratory_has_no_scores_of_its_own() -> None:
    one = predictions(1, 0.8, 40).with_columns(pl.lit("Munich").alias("laboratory"))
    assert compare({"a": one, "b": one}, resamples=100).laboratories.height == 0
