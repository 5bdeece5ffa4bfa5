"""Cut the standard crop around a position of a field or slide."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL, prepare
from marrowscope.slides.slide import Slide


def crop_from_field(
    field: NDArray[np.uint8], x: float, y: float, microns_per_pixel: float
) -> NDArray[np.uint8]:
    """The 250×250 px at 0.08625 µm/px around a position; what lies outside is mirrored.

    Args:
        field: (H, W, 3) uint8 RGB.
        x, y: position in its pixels, (0, 0) is the centre of the first one; inside the field.
        microns_per_pixel: of the field. Another size than 0.08625 is resampled.
    """
    half = _half(microns_per_pixel)
    column, row = round(x), round(y)
    height, width = field.shape[:2]
    inside = field[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
    padded = cv2.copyMakeBorder(
        inside,
        max(0, half - row),
        max(0, row + half + 1 - height),
        max(0, half - column),
        max(0, column + half + 1 - width),
        cv2.BORDER_REFLECT,
    )
    return prepare(np.asarray(padded, dtype=np.uint8), microns_per_pixel)


def crop_from_slide(slide: Slide, x: float, y: float) -> NDArray[np.uint8]:
    """The standard crop around a position of level 0; outside of the slide is white."""
    half = _half(slide.microns_per_pixel)
    side = 2 * half + 1
    pixels = slide.read_region(round(x) - half, round(y) - half, side, side)
    return prepare(pixels, slide.microns_per_pixel)


def _half(microns_per_pixel: float) -> int:
    """Pixels on either side of the middle one that a standard crop needs."""
    return math.ceil(INPUT_SIZE * MICRONS_PER_PIXEL / microns_per_pixel / 2) + 2
