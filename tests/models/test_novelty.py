"""The novelty score: how far an answer is from those for held-out cells; what is stored of it."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.inference.calibrated_engine import novelty_columns
from marrowscope.models.novelty import Novelty, class_distances, log_ratios, novelty_from_dict

KNOWN = ("BLA", "LYT")
# Two classes, log-ratios (±1, ∓1), variance 1 each way.
UNIT = ((1.0, 0.0), (0.0, 1.0))
ROUND = Novelty(KNOWN, ((1.0, -1.0), (-1.0, 1.0)), (UNIT, UNIT), (0.0, 0.0), 0.99, 1.0, 200)


def stated(ratio: float) -> list[float]:
    """Probabilities whose log-ratios are (ratio, −ratio)."""
    share = 1 / (1 + np.exp(-2 * ratio))
    return [share, 1 - share]


def test_the_score_is_the_distance_to_the_nearest_class() -> None:
    answers = np.array([stated(1), stated(-1), stated(0), stated(4)], np.float32)
    found = ROUND.scores(answers)
    # (0, 0) is √2 away from both means, (4, −4) √18 from the nearer one.
    np.testing.assert_allclose(found, [0, 0, np.sqrt(2), np.sqrt(18)], atol=2e-4)
    assert ROUND.is_novel(found).tolist() == [False, False, True, True]


def test_distances_are_in_units_of_the_spread_of_each_class() -> None:
    means = np.zeros((2, 2))
    precisions = np.linalg.inv([[[4.0, 0.0], [0.0, 1.0]], [[16.0, 0.0], [0.0, 1.0]]])
    spreads = np.array([0.0, np.log(4)])  # of determinants 4 and 16
    found = class_distances(np.array([[4.0, 0.0], [0.0, 2.0]]), means, precisions, spreads)
    np.testing.assert_allclose(found, [[4.0, 1 + np.log(4)], [4.0, 4 + np.log(4)]])


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).filter(lambda row: sum(row) > 0.1))
def test_log_ratios_sum_to_nothing_and_are_finite_for_any_probabilities(row: list[float]) -> None:
    found = log_ratios(np.array([row]) / sum(row))
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(0, abs=1e-9)


def test_an_image_without_an_answer_has_no_score_and_is_not_called_novel() -> None:
    score, novel = novelty_columns(np.array([[np.nan, np.nan], stated(0)], np.float32), ROUND)
    assert score.to_list() == [None, pytest.approx(np.sqrt(2), abs=1e-4)]
    assert novel.to_list() == [None, True]


_LATER = ("precisions", "spreads")
UNIT_LIST = [[1.0, 0.0], [0.0, 1.0]]


def stored(**changes: Any) -> dict[str, Any]:
    content = asdict(ROUND)
    content["classes"] = list(KNOWN)
    content["means"] = [list(row) for row in ROUND.means]
    content["precisions"] = [[list(row) for row in one] for one in ROUND.precisions]
    content["spreads"] = list(ROUND.spreads)
    return {**content, **changes}


def test_what_was_stored_comes_back() -> None:
    assert novelty_from_dict(stored(), KNOWN) == ROUND
    assert novelty_from_dict(stored(), ("LYT", "BLA")) == ROUND


def test_the_first_version_had_one_covariance_of_all_classes() -> None:
    early = {name: value for name, value in stored().items() if name not in _LATER}
    assert novelty_from_dict({**early, "precision": UNIT_LIST}, KNOWN) == ROUND
    wrong = novelty_from_dict({**early, "precision": [1.0]}, KNOWN)
    assert "precisions are no 2 tables" in str(wrong)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"extra": 1}, "unknown one"),
        ({"classes": ["BLA", "NGS"]}, "other classes"),
        ({"classes": ["BLA", "BLA"]}, "other classes"),
        ({"classes": "BLA"}, "no classes"),
        ({"means": [[1.0, -1.0]]}, "means is no table of 2 × 2"),
        ({"means": [[1.0, -1.0], [1.0]]}, "means is no table"),
        ({"means": [[1.0, True], [1.0, 0.0]]}, "means is no table"),
        ({"means": [[1.0, float("nan")], [1.0, 0.0]]}, "means is no table"),
        ({"precisions": [[[1.0, 1e300], [1e300, 1.0]], UNIT_LIST]}, "precisions are no 2 tables"),
        ({"precisions": [UNIT_LIST]}, "precisions are no 2 tables"),
        ({"precisions": [UNIT_LIST, [[1.0, 0.5], [0.0, 1.0]]]}, "not symmetric"),
        ({"precisions": [[[1.0, 0.0], [0.0, -1.0]], UNIT_LIST]}, "no inverse covariance"),
        ({"spreads": [0.0, -1.0]}, "spreads are no 2 numbers"),
        ({"spreads": 1.0}, "spreads are no 2 numbers"),
        ({"kept": 1.0}, "kept is out of range"),
        ({"limit": -0.5}, "limit is out of range"),
        ({"limit": float("inf")}, "limit is out of range"),
        ({"cells": 0}, "no number of cells"),
        ({"cells": 2.0}, "no number of cells"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], said: str) -> None:
    found = novelty_from_dict(stored(**changes), KNOWN)
    assert isinstance(found, str)
    assert said in found


@pytest.mark.parametrize("wrong", [None, [], "novelty", 1, {}])
def test_what_is_no_table_at_all_is_refused(wrong: Any) -> None:
    assert isinstance(novelty_from_dict(wrong, KNOWN), str)
