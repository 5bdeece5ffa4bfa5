"""Where cells lie on each other or in stroma: marrow particles, their shreds, clots, thick drops.

Two things tell such a place. *No gap*: between cells of one layer, however dense, there is always a
gap somewhere near; in a particle there is none. That is an opening: all that a disc covers which
fits between the gaps. A gap is a pixel that is no brighter in the nuclear map than the palest
cytoplasm, so neither light nor its fall towards the corners matters. What is no larger than one
large cell is none; a particle has a loose edge, where there are gaps between cells that still lie
on each other. *Stroma*: a broad pale cloud without a nucleus in it, larger than the cytoplasm on
one side of any nucleus. It tells the shreds between fat cells, which are too narrow for the disc.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.detection.nuclear_fragments import FLOOR
from marrowscope.detection.nuclear_map import WORKING_MICRONS, NuclearMap

DISC_RADIUS = 7.0  # µm
MIN_AREA = 600.0  # µm²: a cell of 28 µm, as only megakaryocytes are, which are not counted
LOOSE_EDGE = 6.0  # µm around it
# Stroma keeps this far (µm) from what is so dark, as a share of the field's nuclei; nothing in it
# is narrower than that (µm), and it is so large (µm²). A nucleus whose middle lies so near (µm) is
# in it.
NUCLEAR, FROM_NUCLEUS, NARROWEST = 0.45, 2.4, 4.5
MIN_STROMA, IN_STROMA = 250.0, 7.0
_RED_CELLS = 1.5  # where these are not zero in the map, a gap is what is below so many of them
_STEP = 3  # working pixels
_MICRONS = WORKING_MICRONS * _STEP


def find_crowded(found: NuclearMap, places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each position lies in a place without any gap, at the edge of one, or in stroma.

    Args:
        found: nuclear map of one field. Its border counts as gap.
        places: (N, 2) x and y in its pixels, of nuclei: how dark these are says what stroma is.
    """
    if not len(places):
        return np.zeros(0, dtype=bool)
    level = max(FLOOR, _RED_CELLS * found.red_cell)
    column, row = (
        np.clip(np.floor(places[:, axis] * found.scale / _STEP).astype(np.intp), 0, None)
        for axis in (0, 1)
    )
    hit = np.zeros(len(places), dtype=bool)
    for region, reach in (
        (_without_gaps(found.density, level), LOOSE_EDGE),
        (_stroma(found.density, level, column, row), IN_STROMA),
    ):
        if region.any():
            away = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5)
            high, wide = (side - 1 for side in region.shape)
            hit |= away[np.minimum(row, high), np.minimum(column, wide)] <= reach / _MICRONS
    return hit


def _without_gaps(density: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Regions of a map (h, w) without gaps, in steps."""
    # A step counts as gap when any of it is.
    stained = (density > level).astype(np.uint8)
    solid = cv2.erode(stained, np.ones((_STEP, _STEP), np.uint8))[1::_STEP, 1::_STEP]
    solid = cv2.copyMakeBorder(solid, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    radius = DISC_RADIUS / _MICRONS
    fits = cv2.distanceTransform(solid, cv2.DIST_L2, 5) > radius
    if not fits.any():
        return np.asarray(fits[1:-1, 1:-1])
    covered = cv2.distanceTransform((~fits).astype(np.uint8), cv2.DIST_L2, 5) <= radius
    return _large(covered[1:-1, 1:-1], MIN_AREA)


def _stroma(
    density: NDArray[np.float32], level: float, column: NDArray[np.intp], row: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Broad pale regions of a map (h, w) beside nuclei at some steps, in steps."""
    size = (max(1, density.shape[1] // _STEP), max(1, density.shape[0] // _STEP))
    coarse = cv2.resize(density, size, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(coarse, (0, 0), 1.0)
    # The darkest within about 2 µm: the middle of a nucleus with lobes lies between them.
    around = cv2.dilate(coarse, np.ones((5, 5), np.uint8))
    usual = float(np.median(around[np.minimum(row, size[1] - 1), np.minimum(column, size[0] - 1)]))
    nuclear = (smooth > NUCLEAR * usual).astype(np.uint8)
    nuclear = cv2.morphologyEx(nuclear, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    away = cv2.distanceTransform(1 - nuclear, cv2.DIST_L2, 5) * _MICRONS
    pale = ((smooth > level) & (away > FROM_NUCLEUS)).astype(np.uint8)
    side = round(NARROWEST / _MICRONS)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return _large(cv2.morphologyEx(pale, cv2.MORPH_OPEN, disc) > 0, MIN_STROMA)


def _large(mask: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """The pieces of at least so many µm²."""
    _, pieces, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = facts[:, cv2.CC_STAT_AREA] * _MICRONS**2 >= least
    large[0] = False  # all that is not in the mask
    return np.asarray(large[pieces])
