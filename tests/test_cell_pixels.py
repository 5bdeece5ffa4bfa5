"""Crops around located cells: standard size, cell in the middle, mirrored at borders."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.cell_pixels import crop_from_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL

NUCLEUS, RED_CELL, GLASS = (70, 40, 150), (225, 180, 190), (240, 236, 242)


def discs(*centres: tuple[float, float, float], side: int = 400) -> np.ndarray:
    """Nuclei on glass: x, y and radius in px."""
    image = np.full((side, side, 3), GLASS, np.uint8)
    for x, y, radius in centres:
        cv2.circle(image, (round(x), round(y)), round(radius), NUCLEUS, -1, cv2.LINE_AA)
    return image


@settings(max_examples=30, deadline=None)
@given(x=st.integers(0, 399), y=st.integers(0, 299))
def test_a_crop_has_its_position_in_the_middle_and_mirrors_what_is_outside(x: int, y: int) -> None:
    field = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    crop = crop_from_field(field, x, y, MICRONS_PER_PIXEL)
    assert crop.shape == (250, 250, 3)
    mirrored = cv2.copyMakeBorder(field, 130, 130, 130, 130, cv2.BORDER_REFLECT)
    places = np.argwhere((mirrored[:, :, :] == crop[125, 125]).all(axis=2))
    middle = np.array([y + 130, x + 130])
    assert (np.abs(places - middle).max(axis=1) <= 1).any()


def test_a_crop_of_a_finer_scan_shows_the_same_part() -> None:
    field = discs((200.0, 150.0, 45.0))
    fine = cv2.resize(field, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    one = crop_from_field(field, 200, 150, MICRONS_PER_PIXEL)
    two = crop_from_field(fine, 400.5, 300.5, MICRONS_PER_PIXEL / 2)
    assert np.abs(one.astype(int) - two).mean() < 2
