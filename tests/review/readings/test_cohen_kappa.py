"""Kappa by hand, and with the published example of its interval."""

import math

import numpy as np
import pytest

from marrowscope.review.readings.cohen_kappa import cohen_kappa, linear_weights, pair_matrix


def test_a_table_by_hand() -> None:
    # 50 applications read by two: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no (Cohen's example).
    found = cohen_kappa(np.array([[20, 5], [10, 15]]))
    assert found.value == pytest.approx(0.4)
    assert found.cells == 50
    # Standard error 0.127 by formula 13 of Fleiss, Cohen and Everitt.
    assert found.low == pytest.approx(0.1511, abs=2e-3)
    assert found.high == pytest.approx(0.6489, abs=2e-3)


def test_full_agreement_is_one_and_no_more_than_chance_is_zero() -> None:
    assert cohen_kappa(np.diag([5, 7, 3])).value == pytest.approx(1)
    assert cohen_kappa(np.array([[9, 9], [9, 9]])).value == pytest.approx(0)
    assert cohen_kappa(np.array([[0, 9], [9, 0]])).value == pytest.approx(-1)


def test_where_all_is_one_class_it_does_not_exist() -> None:
    assert math.isnan(cohen_kappa(np.array([[9, 0], [0, 0]])).value)
    assert math.isnan(cohen_kappa(np.zeros((2, 2), np.int64)).value)


def test_weights_fall_with_the_distance_along_a_series() -> None:
    weights = linear_weights([0, 1, 1, 3])
    assert weights[0].tolist() == pytest.approx([1, 2 / 3, 2 / 3, 0])
    assert weights[1, 2] == 1
    assert linear_weights([2, 2]).tolist() == [[1, 1], [1, 1]]


def test_a_near_miss_costs_less_than_a_far_one() -> None:
    weights = linear_weights([0, 1, 2])
    near, far = np.diag([10, 10, 10]), np.diag([10, 10, 10])
    near[0, 1] += 3
    far[0, 2] += 3
    assert cohen_kappa(near, weights).value > cohen_kappa(far, weights).value
    plain = cohen_kappa(near)
    identity = cohen_kappa(near, np.eye(3))
    assert (plain.value, plain.low) == (identity.value, identity.low)


def test_weighted_kappa_of_two_classes_is_the_plain_one() -> None:
    counts = np.array([[20, 5], [10, 15]])
    assert cohen_kappa(counts, linear_weights([0, 1])) == cohen_kappa(counts)


def test_pairs_are_counted_by_first_and_second_reader() -> None:
    counts = pair_matrix(["BLA", "BLA", "NGS"], ["BLA", "NGS", "NGS"], ["BLA", "NGS"])
    assert counts.tolist() == [[1, 1], [0, 1]]


def test_the_interval_covers_what_it_promises() -> None:
    """Of many samples of a known table, about 95 % of the intervals hold its kappa."""
    shares = np.array([[0.3, 0.05, 0.02], [0.04, 0.25, 0.05], [0.02, 0.07, 0.2]])
    truth = cohen_kappa((shares * 1_000_000).astype(np.int64)).value
    random = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        counts = random.multinomial(300, shares.ravel()).reshape(3, 3)
        found = cohen_kappa(counts)
        held += found.low <= truth <= found.high
    assert 370 <= held <= 392
