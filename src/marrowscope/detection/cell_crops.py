"""Cut the standard crop around a position of a slide; for a field see ``cell_pixels``."""

import numpy as np
from numpy.typing import NDArray

from marrowscope.cell_pixels import half_crop
from marrowscope.preprocessing import prepare
from marrowscope.slides.slide import Slide


def crop_from_slide(slide: Slide, x: float, y: float) -> NDArray[np.uint8]:
    """The standard crop around a position of level 0; outside of the slide is white."""
    half = half_crop(slide.microns_per_pixel)
    side = 2 * half + 1
    pixels = slide.read_region(round(x) - half, round(y) - half, side, side)
    return prepare(pixels, slide.microns_per_pixel)
