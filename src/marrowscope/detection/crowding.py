"""Where cells lie on each other without a gap: marrow particles, clots, thick drops.

Between cells of one layer, however dense, there is always a gap somewhere near; in a particle there
is none. Such places are found as an opening: all that a disc covers which fits between the gaps. A
gap is a pixel that is no brighter in the nuclear map than the palest cytoplasm, so neither light
nor its fall towards the corners matters. What is no larger than one large cell is none; a particle
has a loose edge, where there are gaps between cells that still lie on each other.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.detection.nuclear_fragments import FLOOR
from marrowscope.detection.nuclear_map import WORKING_MICRONS, NuclearMap

DISC_RADIUS = 10.0  # radius, µm
MIN_AREA = 700.0  # µm²: a cell of 30 µm, as only megakaryocytes are, which are not counted
LOOSE_EDGE = 6.0  # µm around it
_RED_CELLS = 1.5  # where these are not zero in the map, a gap is what is below so many of them
_STEP = 3  # working pixels


def find_crowded(found: NuclearMap, places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each position lies in a place without any gap, or at the edge of one.

    Args:
        found: nuclear map of one field. Its border counts as gap.
        places: (N, 2) x and y in its pixels.
    """
    if not len(places):
        return np.zeros(0, dtype=bool)
    level = max(FLOOR, _RED_CELLS * found.red_cell)
    stained = (found.density > level).astype(np.uint8)
    # A step counts as gap when any of it is.
    solid = cv2.erode(stained, np.ones((_STEP, _STEP), np.uint8))[1::_STEP, 1::_STEP]
    solid = cv2.copyMakeBorder(solid, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    radius = DISC_RADIUS / (WORKING_MICRONS * _STEP)
    fits = cv2.distanceTransform(solid, cv2.DIST_L2, 5) > radius
    if not fits.any():
        return np.zeros(len(places), dtype=bool)
    covered = cv2.distanceTransform((~fits).astype(np.uint8), cv2.DIST_L2, 5) <= radius
    _, pieces, facts, _ = cv2.connectedComponentsWithStats(covered.astype(np.uint8))
    step = WORKING_MICRONS * _STEP
    large = facts[:, cv2.CC_STAT_AREA] * step**2 >= MIN_AREA
    large[0] = False  # all that is not covered
    if not large.any():
        return np.zeros(len(places), dtype=bool)
    away = cv2.distanceTransform((~large[pieces]).astype(np.uint8), cv2.DIST_L2, 5)
    near = away <= LOOSE_EDGE / step
    column, row = (
        np.clip(np.floor(places[:, axis] * found.scale / _STEP).astype(np.intp) + 1, 1, side - 2)
        for axis, side in ((0, near.shape[1]), (1, near.shape[0]))
    )
    return np.asarray(near[row, column])
