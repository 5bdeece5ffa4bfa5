"""Scores against scikit-learn (strict), a hand-worked example (tolerant), the published table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from marrowscope.morphology import BY_CODE, CODES, TOLERATED
from marrowscope.scoring import confusion_matrix, score, tolerance_matrix, wilson_interval


@given(st.integers(2, 8), st.integers(1, 200), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_strict_scores_equal_scikit_learns(classes: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    predicted = np.where(random.random(count) < 0.5, truth, random.integers(0, classes, count))
    matrix = confusion_matrix(truth, predicted, classes)
    labels = np.arange(classes)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(truth, predicted, labels=labels))
    found = score(matrix)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    present = support > 0
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall[present], recall[present])
    np.testing.assert_allclose(found.f1[present], f1[present])
    assert np.isnan(found.recall[~present]).all()
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found.macro_f1 == pytest.approx(f1[present].mean())
    assert found.balanced_accuracy == pytest.approx(recall[present].mean())
    assert found.weighted_f1 == pytest.approx(
        metrics.f1_score(truth, predicted, average="weighted", zero_division=0)
    )


def test_tolerant_scores_of_a_hand_worked_example() -> None:
    # Truth in rows: BLA, PMO, EOS. Tolerated: BLA–PMO.
    #        BLA PMO EOS
    # BLA     6   3   1     recall (6+3)/10
    # PMO     1   4   0     recall (1+4)/5
    # EOS     2   0   8     recall 8/10
    # precision BLA (6+1)/9, PMO (3+4)/7, EOS 8/9
    matrix = np.array([[6, 3, 1], [1, 4, 0], [2, 0, 8]])
    correct = tolerance_matrix(["BLA", "PMO", "EOS"], TOLERATED)
    found = score(matrix, correct)
    np.testing.assert_allclose(found.recall, [9 / 10, 5 / 5, 8 / 10])
    np.testing.assert_allclose(found.precision, [7 / 9, 7 / 7, 8 / 9])
    assert found.accuracy == pytest.approx((6 + 3 + 1 + 4 + 8) / 25)
    f1 = [2 * 0.9 * (7 / 9) / (0.9 + 7 / 9), 1.0, 2 * 0.8 * (8 / 9) / (0.8 + 8 / 9)]
    np.testing.assert_allclose(found.f1, f1)
    assert found.macro_f1 == pytest.approx(np.mean(f1))


def test_tolerance_is_symmetric_and_holds_eight_pairs() -> None:
    correct = tolerance_matrix(CODES, TOLERATED)
    assert (correct == correct.T).all()
    assert correct.sum() == 21 + 2 * 8


def test_tolerated_recalls_explain_the_published_table() -> None:
    # A class without a partner has the same strict and tolerant numbers, and no class loses.
    partners = {code for pair in TOLERATED for code in pair}
    for code in CODES:
        published = BY_CODE[code].published
        if code not in partners:
            assert published.strict_recall == published.tolerant_recall
            assert published.strict_precision == published.tolerant_precision
        assert published.tolerant_recall[0] >= published.strict_recall[0]


@given(st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_tolerant_is_never_below_strict(seed: int) -> None:
    matrix = np.random.default_rng(seed).integers(0, 20, (21, 21))
    strict, tolerant = score(matrix), score(matrix, tolerance_matrix(CODES, TOLERATED))
    assert (tolerant.recall >= strict.recall - 1e-12).all()
    assert (tolerant.precision >= strict.precision - 1e-12).all()
    assert tolerant.accuracy >= strict.accuracy


def test_a_stack_of_matrices_is_scored_like_each_one() -> None:
    matrices = np.random.default_rng(0).integers(0, 9, (5, 4, 4))
    stacked = score(matrices)
    for k in range(5):
        np.testing.assert_allclose(stacked.f1[k], score(matrices[k]).f1)
        assert stacked.macro_f1[k] == pytest.approx(score(matrices[k]).macro_f1)


@pytest.mark.parametrize(
    ("right", "cells", "low", "high"),
    # 100 of 500 is 16.7 to 23.7 %, 25 of 500 is 3.4 to 7.3 %, 0 of 500 is 0 to .8 %.
    [(100, 500, 0.167, 0.237), (25, 500, 0.034, 0.073), (0, 500, 0, 0.008), (0, 0, 0, 1)],
)
def test_wilson_intervals_of_known_counts(right, cells, low, high) -> None:
    found = wilson_interval(np.array(right), np.array(cells))
    assert found == pytest.approx((low, high), abs=6e-4)


def test_an_empty_matrix_has_no_scores() -> None:
    found = score(np.zeros((3, 3), dtype=int))
    assert np.isnan(found.accuracy)
    assert np.isnan(found.macro_f1)
