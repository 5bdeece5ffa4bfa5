"""The light between the cells of a smear, where the glass beside it is lit otherwise.

Usually both are the same. A field of a camera laid on a page, a scan whose empty parts were filled
with white, or tiles of two exposures have two lights; densities against the wrong one make a smear
look thick, or give it colours that no stain has.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.smear.region_measures import GAP, LOW_POWER

# Glass that is farther than this from any cell (µm) is bare: not between cells.
BARE = 4.0
# The brightest between cells may lie so far from the light of bare glass (density): the film of
# plasma, a lamp that is not quite even. What is farther has a light of its own.
FILM = 0.03
# So much of the area has the light between cells, or it is no light but the palest of a thick part.
BETWEEN = 0.2
_EDGE = 5.0  # µm that blur and the step from one light to the other reach
_BRIGHTEST = 95  # percentile of the pixels of a picture
_RICHEST = 75  # percentile over pictures: those with the widest gaps
_LEAST = 1000.0  # µm² of a picture


def light_between_cells(
    pictures: Sequence[NDArray[np.uint8]], white: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """The light between cells where it is another than that of bare glass; else None.

    Args:
        pictures: (H, W, 3) uint8 RGB of places of a smear at ``LOW_POWER``.
        white: (3,) RGB of bare glass.

    Returns:
        (3,) RGB, or None where there is one light, or no gap between cells that could tell.
    """
    apart = [pixels for picture in pictures if len(pixels := _among_cells(picture, white))]
    if not apart:
        return None
    bright = np.array([np.percentile(pixels, _BRIGHTEST, axis=0) for pixels in apart])
    light = np.maximum(np.percentile(bright, _RICHEST, axis=0), 1.0)
    if np.abs(np.log10(white / light)).max() <= FILM:
        return None
    gaps = [float((np.abs(_density(pixels, light)).max(axis=1) < GAP).mean()) for pixels in apart]
    return light if float(np.percentile(gaps, _RICHEST)) >= BETWEEN else None


def _among_cells(picture: NDArray[np.uint8], white: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 3) pixels that are not bare glass; none where they are too few."""
    alike = (np.abs(_density(picture, white)).max(axis=2) < GAP).astype(np.uint8)
    bare = cv2.morphologyEx(alike, cv2.MORPH_OPEN, _disc(BARE))
    # A picture of bare glass beyond its border would have no edge to keep away from.
    kept = cv2.dilate(bare, _disc(_EDGE)) == 0
    return picture[kept] if kept.sum() * LOW_POWER**2 >= _LEAST else picture[:0, 0]


def _density(pixels: NDArray[np.uint8], white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decadic density, below 0 where it is brighter than white."""
    return np.asarray(np.log10(white / np.maximum(pixels, 1)), np.float64)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * round(radius / LOW_POWER) + 1
    disc: NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return disc
