"""Cells are compared with the training cells of the class that they are given."""

from dataclasses import replace

import numpy as np
import pytest

from marrowscope.cell_pixels import crop_from_field
from marrowscope.errors import InputError
from marrowscope.inference.training_appearance import (
    FACTS,
    MEASURES,
    appearance_facts,
    measure_appearance,
    training_ranges,
    unlike_training,
)
from marrowscope.models.bundle import load_bundle
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL, prepare


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    field = draw_field(
        FieldSettings(width=1200, height=1000, cells_per_mm2=2500),
        3,
        CellLibrary(MICRONS_PER_PIXEL, 3),
    )
    places = field.cells.select("x", "y").rows()
    return [crop_from_field(field.image, x, y, MICRONS_PER_PIXEL) for x, y in places][:24]


@pytest.fixture(scope="module")
def ranges(crops: list[np.ndarray]) -> dict[str, dict[str, tuple[float, float, float]]]:
    card = load_bundle("sequential-mll7").card
    return training_ranges(replace(card, data={FACTS: {"X": appearance_facts(crops)}}))


def test_a_dark_square_is_measured_as_it_was_drawn() -> None:
    image = np.full((250, 250, 3), 255, np.uint8)
    image[85:165, 85:165] = (51, 51, 102)
    measured = measure_appearance(image)
    assert measured["density"] == pytest.approx(np.log([5, 5, 2.5]).mean(), rel=0.01)
    assert measured["saturation"] == pytest.approx(0.5, abs=0.01)


def test_cells_like_the_training_cells_are_not_remarked_on(
    crops: list[np.ndarray], ranges: dict[str, dict[str, tuple[float, float, float]]]
) -> None:
    assert unlike_training(crops, ["X"] * len(crops), ranges) == []


def test_paler_and_larger_cells_are_named_with_how_far_they_are(
    crops: list[np.ndarray], ranges: dict[str, dict[str, tuple[float, float, float]]]
) -> None:
    pale = [(255 * (crop / 255.0) ** 0.4).round().astype(np.uint8) for crop in crops]
    assert any("stain density" in line and "lower" in line
               for line in unlike_training(pale, ["X"] * len(crops), ranges))  # fmt: skip
    large = [prepare(crop, MICRONS_PER_PIXEL * 1.8) for crop in crops]
    assert any(line.startswith("nuclei") and "larger" in line
               for line in unlike_training(large, ["X"] * len(crops), ranges))  # fmt: skip


def test_nineteen_cells_and_classes_without_quantiles_say_nothing(
    crops: list[np.ndarray], ranges: dict[str, dict[str, tuple[float, float, float]]]
) -> None:
    pale = [(255 * (crop / 255.0) ** 0.4).round().astype(np.uint8) for crop in crops]
    assert unlike_training(pale[:19], ["X"] * 19, ranges) == []
    assert unlike_training(pale, ["Y"] * len(pale), ranges) == []


@pytest.mark.parametrize(
    "facts",
    [
        [1],
        {"X": 3},
        {"X": {"density": [1, 2, 3]}},
        {"X": {name: [3, 2, 1] for name in MEASURES}},
        {"X": {name: [0.1, 0.2] for name in MEASURES}},
        {"X": {name: [0.1, "0.2", 0.3] for name in MEASURES}},
        {"X": {name: [0.1, float("nan"), 0.3] for name in MEASURES}},
    ],
)
def test_a_card_with_other_things_in_place_of_quantiles_is_one_line(facts: object) -> None:
    card = replace(load_bundle("sequential-mll7").card, data={FACTS: facts})
    with pytest.raises(InputError, match="no table of quantiles"):
        training_ranges(card)


def test_the_shipped_model_knows_its_training_cells() -> None:
    card = load_bundle("sequential-mll7").card
    assert set(training_ranges(card)) == set(card.known)
