"""What one temperature is worth in each laboratory, and when one of its own is clearly better."""

import numpy as np
import polars as pl
import pytest

from marrowscope.evaluation.laboratory_calibration import (
    cells_of_laboratory,
    laboratory_measures,
    laboratory_remarks,
)
from support.stated_probabilities import KNOWN, drawn


def held_out(**laboratories: tuple[int, float]) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """So many cells of each laboratory, whose honest temperature is the other number."""
    parts = [drawn(count, heat, seed) for seed, (count, heat) in enumerate(laboratories.values())]
    truth = np.concatenate([classes for _, classes in parts])
    names = [name for name, (count, _) in laboratories.items() for _ in range(count)]
    rows = pl.DataFrame(
        {
            "cell_id": [f"cell-{number}" for number in range(len(truth))],
            "laboratory": names,
            "label": [KNOWN[place] for place in truth],
        }
    )
    return rows, np.concatenate([stated for stated, _ in parts]), truth


def test_a_laboratory_that_is_surer_than_the_other_would_want_a_temperature_of_its_own() -> None:
    rows, values, truth = held_out(Bonn=(500, 1.0), Ulm=(500, 3.0))
    found = laboratory_measures(rows, values, truth)
    assert list(found) == ["Bonn", "Ulm"]
    assert found["Ulm"]["cells"] == 500
    assert found["Bonn"]["own_temperature"] == pytest.approx(1.0, rel=0.2)
    assert found["Ulm"]["own_temperature"] == pytest.approx(3.0, rel=0.2)
    for one in found.values():
        gain, low, high = one["own_gain"]
        assert gain == pytest.approx(one["log_loss_after"] - one["log_loss_own"])
        assert 0 < low < gain < high
    # The shared one helps where the network was too sure, and harms where it was honest.
    assert found["Ulm"]["log_loss_after"] < found["Ulm"]["log_loss_before"]
    assert found["Bonn"]["log_loss_after"] > found["Bonn"]["log_loss_before"]
    said = laboratory_remarks(rows, found)
    assert len(said) == 2
    assert "Bonn is served better by a calibration of its own" in said[0]
    assert "`laboratory=Ulm` fits to its cells alone" in said[1]


def test_laboratories_that_are_alike_need_nothing_of_their_own() -> None:
    rows, values, truth = held_out(Bonn=(400, 2.0), Ulm=(400, 2.0))
    found = laboratory_measures(rows, values, truth)
    assert found["Ulm"]["ece_after"][0] < found["Ulm"]["ece_before"][0]
    assert laboratory_remarks(rows, found) == ()


def test_of_a_laboratory_with_few_cells_nothing_is_said_but_that() -> None:
    rows, values, truth = held_out(Bonn=(200, 1.0), Ulm=(49, 1.0))
    found = laboratory_measures(rows, values, truth)
    assert list(found) == ["Bonn"]
    assert "Ulm: 49 held-out cells" in laboratory_remarks(rows, found)[0]


def test_one_laboratory_is_the_whole() -> None:
    rows, values, truth = held_out(Bonn=(100, 1.0))
    assert laboratory_measures(rows, values, truth) == {}
    assert laboratory_measures(rows.drop("laboratory"), values, truth) == {}
    assert laboratory_remarks(rows, {}) == ()


def test_what_does_not_print_in_a_name_is_a_dot() -> None:
    """A calibration with control characters would be refused when it is read."""
    rows, values, truth = held_out(Bonn=(60, 1.0), Ulm=(60, 1.0))
    rows = rows.with_columns(pl.col("laboratory").str.replace("Ulm", "U\x1blm"))
    found = laboratory_measures(rows, values, truth)
    assert list(found) == ["Bonn", "U·lm"]
    assert laboratory_remarks(rows, found) == ()


def test_cells_of_one_laboratory() -> None:
    rows, *_ = held_out(Bonn=(3, 1.0), Ulm=(2, 1.0))
    assert cells_of_laboratory(rows, "Ulm").height == 2
    assert cells_of_laboratory(rows, "Graz").height == 0
    assert cells_of_laboratory(rows.drop("laboratory"), "Ulm").height == 0
