"""How many cells settle on which side of a threshold a share lies."""

import numpy as np
import pytest

from marrowscope.differential.decision_thresholds import (
    cells_to_exclude,
    count_progress,
    open_decisions,
)
from marrowscope.scoring import wilson_interval


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
