"""Scores with intervals, class by class, and mistakes ranked by how sure they are."""

import numpy as np

from marrowscope.evaluation.class_scores import (
    class_result,
    ranked_confusions,
    scores_with_intervals,
)
from marrowscope.scoring import wilson_interval

MATRIX = np.array([[8, 2], [0, 10]])
STRICT = np.eye(2, dtype=bool)


def test_a_class_that_is_always_right_has_an_interval_all_the_same() -> None:
    result = scores_with_intervals(MATRIX, np.stack([MATRIX] * 20), STRICT)
    first, second = result["recall"]
    assert (first.value, first.low, first.high) == (0.8, 0.8, 0.8)  # every resample is the same
    low, high = wilson_interval(np.array(10.0), np.array(10.0))
    assert (second.value, second.low, second.high) == (1.0, float(low), float(high))
    assert round(second.low, 3) == 0.722
    assert result["accuracy"].value == 0.9


def test_forty_mistakes_of_a_hundred_come_before_one_of_two() -> None:
    matrix = np.array([[60, 40, 0], [1, 1, 0], [0, 0, 5]])
    tolerated = np.eye(3, dtype=bool)
    tolerated[0, 1] = True
    found = ranked_confusions(matrix, ("A", "B", "C"), tolerated)
    assert [(c.truth, c.predicted, c.count, c.share, c.tolerated) for c in found] == [
        ("A", "B", 40, 0.4, True),
        ("B", "A", 1, 0.5, False),
    ]


def test_published_numbers_stand_beside_real_cells_only() -> None:
    scores = scores_with_intervals(MATRIX, np.stack([MATRIX] * 2), STRICT)
    results = {"strict": scores, "tolerant": scores}
    real = class_result("LYT", 1, MATRIX, results, synthetic=False)
    assert (real.cells, real.predicted) == (10, 12)
    assert real.published is not None
    assert 0 < real.published["strict_recall"][0] < 1
    assert class_result("LYT", 1, MATRIX, results, synthetic=True).published is None
    assert class_result("my class", 0, MATRIX, results, synthetic=False).name == "my class"
