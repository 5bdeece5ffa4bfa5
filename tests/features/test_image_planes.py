"""Planes of a cell's image."""

import numpy as np

from marrowscope.features import Segmentation
from marrowscope.features.image_planes import PLANES, image_planes
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell


def disc(radius: float, x: float = 125, y: float = 125) -> np.ndarray:
    rows, columns = np.ogrid[:250, :250]
    return np.hypot(rows - y, columns - x) < radius


BOTH = Segmentation(disc(60, 124.5, 124.5), disc(30, 124.5, 124.5), False)


def test_planes_of_red_cells_are_eosin_more_than_azure() -> None:
    image = draw_cell(CODES[0], 5).image
    planes = image_planes(image, BOTH).planes
    assert planes.shape == (len(PLANES), 250, 250)
    assert planes[PLANES.index("red")].tolist() == image[..., 0].tolist()
