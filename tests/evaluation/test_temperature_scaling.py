"""Temperature, prediction sets and the no-call threshold, on drawn cells and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from marrowscope.evaluation.temperature_scaling import (
    fit_temperature,
    no_call_threshold,
    prediction_set_thresholds,
)
from support.stated_probabilities import KNOWN, drawn


@settings(max_examples=12, deadline=None)
@given(temperature=st.floats(0.4, 4.0), seed=st.integers(0, 1000))
def test_the_temperature_that_made_the_cells_is_found(temperature: float, seed: int) -> None:
    found = fit_temperature(*drawn(6_000, temperature, seed))
    assert found == pytest.approx(temperature, rel=0.12)


def test_the_least_probability_is_the_one_of_the_rule() -> None:
    # Nine cells, 80 %: ceil(10 · .8) = 8th largest.
    values = np.zeros((9, 2))
    values[:, 0] = np.arange(1, 10) / 10
    least = prediction_set_thresholds(values, np.zeros(9, int), ("BLA", "LYT"), 0.8)
    assert least == {"BLA": pytest.approx(0.2), "LYT": 0.0}  # no cell of LYT: always in the set


def test_sets_hold_the_class_as_often_as_promised() -> None:
    hits, cells = np.zeros(len(KNOWN)), np.zeros(len(KNOWN))
    for seed in range(60):
        stated, truth = drawn(700, 1.7, seed)
        fit, test = slice(0, 300), slice(300, None)
        least = prediction_set_thresholds(stated[fit], truth[fit], KNOWN, 0.9)
        inside = stated[test] >= np.array([least[code] for code in KNOWN])
        for place in range(len(KNOWN)):
            own = truth[test] == place
            hits[place] += inside[own, place].sum()
            cells[place] += own.sum()
    # Exchangeable cells: .9 to .9 + 1/(n + 1); the slack is that of 60 draws of the limits.
    assert (hits / cells > 0.885).all()
    assert (hits / cells < 0.93).all()


def test_the_risk_is_kept_in_nineteen_of_twenty_draws() -> None:
    broken, found, draws = 0, 0, 150
    population = drawn(60_000, 1.5, 12_345)
    for seed in range(draws):
        stated, truth = drawn(1_000, 1.5, seed)
        limit = no_call_threshold(stated.max(axis=1), stated.argmax(axis=1) == truth, 0.1)
        if limit is None:
            continue
        found += 1
        called = population[0].max(axis=1) >= limit
        broken += bool((population[0].argmax(axis=1) != population[1])[called].mean() > 0.1)
    assert found > draws / 2, found
    assert broken <= binom.ppf(0.999, draws, 0.05)


def test_no_call_by_hand() -> None:
    confidence = np.linspace(1.0, 0.5, 200)
    assert no_call_threshold(confidence, np.ones(200, bool), 0.05) == 0.0  # all right: call all
    assert no_call_threshold(confidence, np.zeros(200, bool), 0.05) is None
    assert no_call_threshold(confidence[:170], np.ones(170, bool), 0.05) is None  # too few
    right = np.ones(200, bool)
    right[180:] = False
    # Of twenty steps those with 180, 190, 200 cells are tested: without an error the bound is
    # 1.7 %; with ten of 190 8.8 %.
    assert no_call_threshold(confidence, right, 0.05) == pytest.approx(confidence[179])
    # Equal confidences are called together or not at all.
    even = np.where(np.arange(200) < 195, 0.9, 0.5)
    assert no_call_threshold(even, right, 0.12) == 0.9
