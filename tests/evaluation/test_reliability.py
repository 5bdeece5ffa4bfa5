"""Reliability bins and the expected calibration error, worked by hand."""

import numpy as np
import polars as pl
import pytest

from marrowscope.evaluation.reliability import expected_calibration_error, reliability_bins


def test_calibration_error_of_a_hand_worked_example() -> None:
    # Four cells said .9 (three right), two said .6 (one right): (4·|.9−.75| + 2·|.6−.5|) / 6.
    values = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 2, dtype=np.float32)
    rows = pl.DataFrame({"label": ["a", "a", "a", "b", "a", "b"]})
    assert reliability_bins(values, rows, ["a", "b"])["ece"] == pytest.approx(
        (0.6 + 0.2) / 6, abs=1e-6
    )


def test_the_calibration_error_of_a_hand_worked_example() -> None:
    # Bin .6 to .7: mean .65, half right; bin .9 to 1: mean .95, all right.
    error, points = expected_calibration_error(
        np.array([0.62, 0.68, 0.95, 0.95]), np.array([True, False, True, True])
    )
    assert error == pytest.approx((2 * 0.15 + 2 * 0.05) / 4)
    assert points == [(pytest.approx(0.65), 0.5, 2), (pytest.approx(0.95), 1.0, 2)]
