"""Five parts of held-out cells, each measured with what the others fitted."""

import numpy as np
import pytest

from marrowscope.evaluation.cross_fitting import (
    calibration_error_interval,
    cross_tempered,
    log_losses,
    mean_interval,
    parts_of_cells,
)
from marrowscope.evaluation.temperature_scaling import fit_temperature
from marrowscope.models.calibration import tempered
from support.stated_probabilities import drawn

NAMES = [f"cell-{number}" for number in range(200)]


def test_a_cell_keeps_its_part_wherever_it_stands() -> None:
    parts = parts_of_cells(NAMES)
    assert parts_of_cells(NAMES[::-1]).tolist() == parts[::-1].tolist()
    assert set(parts.tolist()) == {0, 1, 2, 3, 4}


def test_the_temperature_of_a_part_is_that_of_the_others() -> None:
    stated, truth = drawn(200, 2.0, 0)
    parts = parts_of_cells(NAMES)
    after, own = cross_tempered(stated, truth, parts), parts == 3
    temperature = fit_temperature(stated[~own], truth[~own])
    expected = tempered(stated[own].astype(np.float32), temperature)
    np.testing.assert_array_equal(after[own], expected)
    wrong = truth.copy()
    wrong[own] = 0
    np.testing.assert_array_equal(cross_tempered(stated, wrong, parts)[own], after[own])


def test_cells_of_one_part_stay_as_they_are() -> None:
    stated, truth = drawn(20, 2.0, 0)
    np.testing.assert_array_equal(cross_tempered(stated, truth, np.zeros(20, int)), stated)


def test_log_losses_are_of_the_true_class_and_what_is_impossible_costs_no_infinity() -> None:
    values = np.array([[0.5, 0.5], [1.0, 0.0]])
    found = log_losses(values, np.array([0, 1]))
    assert found[0] == pytest.approx(np.log(2))
    assert 20 < found[1] < 40


def test_an_interval_holds_its_value() -> None:
    value, low, high = mean_interval(np.arange(100.0))
    assert low < value == 49.5 < high
    assert high - low == pytest.approx(2 * 1.96 * np.std(np.arange(100.0)) / 10, rel=0.15)
    right = np.arange(100) % 10 < 8
    error, low, high = calibration_error_interval(np.full(100, 0.9), right)
    assert error == pytest.approx(0.1)
    assert low < error < high
