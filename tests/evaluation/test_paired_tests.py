"""Paired tests over folds and over cells, and Holm's correction, worked by hand."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from marrowscope.evaluation.paired_tests import cell_test, fold_test, holm
from marrowscope.scoring import confusion_matrix, score


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
