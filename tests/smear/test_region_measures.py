"""What is seen of a square at low power, on pictures painted by hand."""

import cv2
import numpy as np
import pytest

from marrowscope.smear.contour import optical_density
from marrowscope.smear.region_measures import (
    NuclearStain,
    concatenate_measures,
    estimate_nuclear_stain,
    measure_regions,
    nuclear_density,
    select_measures,
)

GLASS = (240, 240, 240)
RED_CELL = (235, 190, 190)
NUCLEUS = (100, 40, 150)
WHITE = np.array(GLASS, float)
STAIN = NuclearStain(0.28, 0.1)


def picture() -> np.ndarray:
    """Left half: two nuclei in red cells; right half: glass with a yellow thread. 1 µm/px."""
    image = np.full((100, 200, 3), GLASS, np.uint8)
    image[:, :100] = RED_CELL
    for x in (30, 70):
        cv2.circle(image, (x, 50), 6, NUCLEUS, -1)
    image[40:50, 100:] = (230, 200, 100)
    return image


def test_nuclei_take_away_red_light_and_red_cells_do_not() -> None:
    colours = optical_density(np.array([[NUCLEUS, RED_CELL, GLASS]], np.uint8), WHITE)
    nucleus, red_cell, glass = nuclear_density(colours)[0]
    assert nucleus > 0.25
    assert red_cell < 0
    assert glass == 0


def test_each_square_is_measured_for_itself() -> None:
    found = measure_regions(picture(), (1, 2), 1.0, WHITE, STAIN)
    assert found.nuclei.tolist() == [2.0, 0.0]
    assert found.gap[0] == 0
    assert found.gap[1] == pytest.approx(0.9)
    assert found.foreign[0] == 0
    assert found.foreign[1] == pytest.approx(0.1)
    assert found.nuclear[0] == pytest.approx(2 * np.pi * 36 / 10_000, rel=0.2)
    assert found.area.tolist() == [0.01, 0.01]  # mm²
    assert found.faint[0] == 0


def test_pale_nuclei_are_faint() -> None:
    dark = NuclearStain(2.0, 0.1)  # elsewhere on this slide
    assert measure_regions(picture(), (1, 2), 1.0, WHITE, dark).faint[0] == 1


def test_measures_of_pieces_go_one_after_the_other() -> None:
    one = measure_regions(picture(), (1, 2), 1.0, WHITE, STAIN)
    both = concatenate_measures([one, one])
    assert both.nuclei.tolist() == [2, 0, 2, 0]
    assert select_measures(both, np.array([True, False, True, False])).nuclei.tolist() == [2, 2]


def test_without_nuclei_three_red_cells_on_each_other_are_none() -> None:
    red = optical_density(np.full((50, 50, 3), (215, 190, 215), np.uint8), WHITE)
    stain = estimate_nuclear_stain([red])
    assert stain.limit >= 3 * float(nuclear_density(red).mean())
