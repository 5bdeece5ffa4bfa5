"""Percentages are rounded so that they sum up to 100."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.differential.rounding import largest_remainder


def test_three_thirds_sum_to_100():
    assert largest_remainder(np.array([1, 1, 1])).tolist() == [33.4, 33.3, 33.3]


def test_exact_percentages_stay_exact():
    assert largest_remainder(np.array([57, 29, 14])).tolist() == [57.0, 29.0, 14.0]
    assert largest_remainder(np.array([1, 0, 7]), decimals=0).tolist() == [12.0, 0.0, 88.0]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any), st.integers(0, 4))
def test_percentages_sum_to_100_and_stay_within_one_unit(weights, decimals):
    percent = largest_remainder(np.array(weights), decimals)
    unit = 10**-decimals
    assert round(percent.sum(), decimals + 6) == 100
    total = sum(weights)
    for weight, shown in zip(weights, percent, strict=True):
        assert abs(shown - float(Fraction(100 * weight, total))) < unit + 1e-9
        assert weight > 0 or shown == 0


def test_percentages_of_nothing_do_not_exist():
    assert np.isnan(largest_remainder(np.zeros(3))).all()
