import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marrowscope.differential.decision_thresholds import (
    cells_to_exclude,
    count_progress,
    open_decisions,
)
from marrowscope.differential.myeloid_erythroid_ratio import ratio_of_counts
from marrowscope.differential.rounding import largest_remainder
from marrowscope.scoring import wilson_interval


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


def test_ratio_of_300_to_100_has_the_interval_of_fieller():
    ratio = ratio_of_counts(300, 100)
    # Fieller 1954 with multinomial variances at the estimate: (M − ρE)² = z² (M + ρ²E).
    z2 = 1.959964**2
    a, b, c = 100**2 - z2 * 100, -2 * 300 * 100, 300**2 - z2 * 300
    root = math.sqrt(b * b - 4 * a * c)
    assert ratio.value == 3
    assert ratio.low == pytest.approx((-b - root) / (2 * a), rel=0.02)
    assert ratio.high == pytest.approx((-b + root) / (2 * a), rel=0.02)


@settings(deadline=None)
@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_ratio_lies_in_its_interval_and_turns_over_with_its_sides(over, under):
    assume(over + under > 0)
    ratio, turned = ratio_of_counts(over, under), ratio_of_counts(under, over)
    assert 0 <= ratio.low <= ratio.value <= ratio.high
    if over and under:
        assert turned.low == pytest.approx(1 / ratio.high)
        assert turned.high == pytest.approx(1 / ratio.low)


def test_a_ratio_of_no_cells_is_not_defined():
    ratio = ratio_of_counts(0, 0)
    assert math.isnan(ratio.value)
    assert (ratio.low, ratio.high) == (0, math.inf)


def test_the_ratio_interval_covers_its_nominal_share_of_samples():
    random = np.random.default_rng(4)
    drawn = random.multinomial(500, [0.6, 0.2, 0.2], size=2000)
    hits = [(ratio := ratio_of_counts(int(m), int(e))).low <= 3 <= ratio.high for m, e, _ in drawn]
    assert 0.935 < np.mean(hits) < 0.965


@pytest.mark.parametrize(("count", "cells"), [(30, 500), (22, 500), (90, 500), (47, 431)])
def test_the_cells_that_settle_a_threshold_are_the_fewest(count, cells):
    for decision in open_decisions(count, cells):
        share = count / cells

        def contains(n, share=share, limit=decision.threshold):
            low, high = wilson_interval(np.array(share * n), np.array(float(n)))
            return low <= limit <= high

        settled = decision.total
        assert not contains(settled)
        assert all(contains(n) for n in range(cells, settled))
        assert decision.more == settled - cells


def test_which_thresholds_are_open():
    assert [one.threshold for one in open_decisions(25, 500)] == [0.05]
    assert [one.threshold for one in open_decisions(100, 500)] == [0.2]
    assert open_decisions(150, 500) == ()
    assert [one.threshold for one in open_decisions(4, 40)] == [0.05, 0.1, 0.2]


def test_a_share_that_is_the_threshold_is_settled_practically_never():
    (decision,) = open_decisions(25, 500)
    assert decision.more is None
    assert decision.practically_never
    (near,) = open_decisions(102, 500)
    assert near.practically_never  # 20.4 %: some 38,000 cells
    assert near.total == cells_to_exclude(102 / 500, 0.2)


def test_six_per_cent_of_500_needs_1825_cells():
    # z² · 0.05 · 0.95 / 0.01² = 1824.7
    (decision,) = open_decisions(30, 500)
    assert decision.total == 1825
    assert decision.more == 1325
    assert not decision.practically_never


def test_without_cells_every_threshold_is_open():
    assert [one.more for one in open_decisions(0, 0)] == [None, None, None]


def test_a_count_stops_at_its_target():
    assert count_progress(500, 700).reached
    assert count_progress(500, 700).expected == 0
    assert not count_progress(499, 700).reached
    assert count_progress(250, 400, 500).expected == 400
    assert count_progress(0, 30).expected is None


@pytest.mark.parametrize(("countable", "looked_at", "target"), [(5, 4, 500), (-1, 4, 9), (1, 2, 0)])
def test_impossible_progress_is_refused(countable, looked_at, target):
    with pytest.raises(ValueError, match=r"countable|target"):
        count_progress(countable, looked_at, target)
