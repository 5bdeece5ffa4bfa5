"""Cells in particles are told from cells that lie densely, and light does not matter."""

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.detection.crowding import find_crowded
from marrowscope.detection.detector import detect
from marrowscope.detection.nuclear_map import nuclear_map
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field

PIXEL = 0.25


def drawn(seed: int, **settings: object) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A field, and where the true cells are of which it knows."""
    own = FieldSettings(width=900, height=800, microns_per_pixel=PIXEL, **settings)  # type: ignore[arg-type]
    field = draw_field(own, seed)
    return field.image, field.cells.select("x", "y").to_numpy()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("composition", ["normal", "acute-leukaemia"])
def test_dense_cells_of_one_layer_are_not_packed(composition: str, seed: int) -> None:
    image, cells = drawn(
        seed, composition=composition, cells_per_mm2=7000.0, touching=0.8, overlap=0.2
    )
    assert len(cells) > 100
    assert find_crowded(nuclear_map(image, PIXEL), cells).mean() < 0.01


def counts(seeds: Iterable[int], **settings: object) -> tuple[int, int, int, int]:
    """Cells in particles, how many of these are found to be, and the same of those beside."""
    inside = beside = found_inside = found_beside = 0
    for seed in seeds:
        image, true = drawn(seed, **settings)
        places = detect(image, PIXEL).select("x", "y").to_numpy()
        apart = np.hypot(*(places[:, None] - true[None]).transpose(2, 0, 1)).min(axis=1)
        unknown = apart * PIXEL > 3.5  # cells that are part of a particle are not in the truth
        hit = find_crowded(nuclear_map(image, PIXEL), places)
        inside, beside = inside + int(unknown.sum()), beside + int((~unknown).sum())
        found_inside += int(hit[unknown].sum())
        found_beside += int(hit[~unknown].sum())
    return inside, found_inside, beside, found_beside


def test_cells_of_a_particle_are_packed_and_those_beside_it_are_not() -> None:
    inside, found_inside, beside, found_beside = counts(range(4), particles=2.0)
    assert inside > 30
    assert found_inside / inside > 0.9
    assert found_beside / beside < 0.03


def square(gap: int) -> NDArray[np.uint8]:
    """A violet square of 40 µm on white, cut in three by white gaps of twice so many pixels."""
    image = np.full((400, 400, 3), 240, np.uint8)
    image[120:280, 120:280] = (110, 70, 170)
    for row in (173, 227):
        image[row - gap : row + gap, 120:280] = 240
    return image


@pytest.mark.parametrize(("gap", "expected"), [(0, True), (8, False)])
@pytest.mark.parametrize("light", [1.0, 0.75])
def test_a_gap_makes_it_no_longer_packed(gap: int, expected: bool, light: float) -> None:
    image = (square(gap) * np.linspace(1, light, 400)[None, :, None]).astype(np.uint8)
    places = np.array([[200.0, 140.0], [200.0, 260.0], [20.0, 20.0], [399.6, 399.6]])
    assert find_crowded(nuclear_map(image, PIXEL), places).tolist() == [
        expected,
        expected,
        False,
        False,
    ]


def test_one_large_cell_is_not_packed_and_a_particle_reaches_beyond_its_edge() -> None:
    image = np.full((400, 400, 3), 240, np.uint8)
    cv2.circle(image, (80, 200), 50, (110, 70, 170), -1)  # 25 µm across
    cv2.circle(image, (280, 200), 80, (110, 70, 170), -1)
    places = np.array([[80.0, 200.0], [280.0, 200.0], [280.0, 296.0], [280.0, 330.0]])
    assert find_crowded(nuclear_map(image, PIXEL), places).tolist() == [False, True, True, False]


def cloud(width: int) -> NDArray[np.uint8]:
    """Pale stain 12 µm high and so many pixels wide on glass, a nucleus at its left end."""
    image = np.full((400, 400, 3), 240, np.uint8)
    image[20:100] = (225, 180, 180)  # red cells
    image[176:224, 60 : 60 + width] = (175, 150, 205)
    cv2.circle(image, (90, 200), 16, (60, 40, 130), -1)
    return image


@pytest.mark.parametrize("light", [1.0, 0.75])
@pytest.mark.parametrize(("width", "expected"), [(80, False), (240, True)])
def test_a_nucleus_in_a_cloud_larger_than_its_cytoplasm_lies_in_stroma(
    width: int, expected: bool, light: float
) -> None:
    image = (cloud(width) * np.linspace(1, light, 400)[None, :, None]).astype(np.uint8)
    cv2.circle(image, (90, 330), 16, (60, 40, 130), -1)
    places = np.array([[90.0, 200.0], [90.0, 330.0]])
    assert find_crowded(nuclear_map(image, PIXEL), places).tolist() == [expected, False]


def test_shreds_between_fat_cells_are_packed_and_cells_beside_fat_are_not() -> None:
    inside, found_inside, beside, found_beside = counts(range(4), particles=2.0, fat_holes=25)
    assert inside > 30
    assert found_inside / inside > 0.75
    assert found_beside / beside < 0.05


def test_no_positions_no_answers() -> None:
    assert find_crowded(nuclear_map(square(0), PIXEL), np.empty((0, 2))).shape == (0,)
