"""The nuclear map: what is dark in it, and what is not."""

import cv2
import numpy as np

from marrowscope.detection.nuclear_map import DARKEST, WORKING_MICRONS, nuclear_map
from marrowscope.preprocessing import MICRONS_PER_PIXEL

NUCLEUS, RED_CELL, GLASS = (70, 40, 150), (225, 180, 190), (240, 236, 242)


def discs(*centres: tuple[float, float, float], side: int = 400) -> np.ndarray:
    """Nuclei on glass: x, y and radius in px."""
    image = np.full((side, side, 3), GLASS, np.uint8)
    for x, y, radius in centres:
        cv2.circle(image, (round(x), round(y)), round(radius), NUCLEUS, -1, cv2.LINE_AA)
    return image


def test_the_nuclear_map_is_dark_where_red_cells_are() -> None:
    image = discs((100.0, 100.0, 45.0))
    cv2.circle(image, (280, 280), 45, RED_CELL, -1)
    found = nuclear_map(image, MICRONS_PER_PIXEL)
    scale = MICRONS_PER_PIXEL / WORKING_MICRONS
    assert found.density[round(100 * scale), round(100 * scale)] > 0.8
    assert found.density[round(280 * scale), round(280 * scale)] < 0.05
    assert found.density.max() <= DARKEST
    np.testing.assert_allclose(found.background, GLASS, atol=1)
