"""Held-out cells in five parts: each is measured with what was fitted to the other four."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marrowscope.evaluation.reliability import expected_calibration_error
from marrowscope.evaluation.temperature_scaling import MIN_PROBABILITY, fit_temperature
from marrowscope.models.calibration import tempered

CROSS_FITS = 5
RESAMPLES = 1_000
Array = NDArray[np.float64]


def parts_of_cells(names: Sequence[str]) -> NDArray[np.int64]:
    """(N,) part of each cell, 0 to 4, by the hash of its name: no order of the table moves it."""
    return np.array(
        [int(hashlib.sha256(name.encode()).hexdigest(), 16) % CROSS_FITS for name in names],
        dtype=np.int64,
    )


def cross_tempered(values: Array, truth: NDArray[np.int64], parts: NDArray[np.int64]) -> Array:
    """Probabilities of each part with the temperature of the others.

    Args:
        values: (N, C), rows sum to 1.
        truth: (N,) columns of the true classes.
        parts: (N,) of ``parts_of_cells``; cells of one part only stay as they are.
    """
    after = values.copy()
    for number in np.unique(parts):
        fit, test = parts != number, parts == number
        if fit.any():
            temperature = fit_temperature(values[fit], truth[fit])
            after[test] = tempered(values[test].astype(np.float32), temperature)
    return after


def log_losses(values: Array, truth: NDArray[np.int64]) -> Array:
    """(N,) minus the logarithm of the true class's probability."""
    right = values[np.arange(len(truth)), truth]
    losses: Array = -np.log(np.maximum(right, MIN_PROBABILITY))
    return losses


def calibration_error_interval(confidence: Array, right: NDArray[np.bool_]) -> list[float]:
    """Expected calibration error, low and high: percentiles of bootstrap resamples of the cells."""
    random = np.random.default_rng(0)
    drawn = [
        expected_calibration_error(confidence[chosen], right[chosen])[0]
        for chosen in random.integers(0, len(right), (RESAMPLES, len(right)))
    ]
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return [expected_calibration_error(confidence, right)[0], low, high]


def mean_interval(values: Array) -> list[float]:
    """Mean, low and high: percentiles of bootstrap resamples."""
    random = np.random.default_rng(0)
    drawn = values[random.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return [float(values.mean()), low, high]
