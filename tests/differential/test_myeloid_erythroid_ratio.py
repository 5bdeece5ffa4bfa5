"""The ratio of myeloid to erythroid cells and its interval."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marrowscope.differential.myeloid_erythroid_ratio import ratio_of_counts


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
