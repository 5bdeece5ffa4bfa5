"""What lies at the border of a nucleus and beyond: chromatin, a seam of cytoplasm, nothing.

Rays go out from the centre of each nucleus, over the image itself, for a seam of cytoplasm may be
half a µm wide. On each ray the nucleus ends where its density last falls below a share of its mean.
Within 0.8 µm before that end lies the *rim*: where cytoplasm so dark as to look like nucleus ends
there, it is bluer than the chromatin inside (basophilic cytoplasm takes less green from the light
than chromatin does, at the same red). Beyond it lies paler cytoplasm, or glass, or a red cell.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.detection.fragment_clusters import Cluster
from marrowscope.detection.nuclear_fragments import Fragments
from marrowscope.detection.nuclear_map import LOG_INTENSITY, WORKING_MICRONS, NuclearMap
from marrowscope.detection.radial_profile import RAY_MARGIN, measure_along_rays
from marrowscope.detection.rim_features import RIM_FEATURES


def measure_rims(
    image: NDArray[np.uint8],
    microns_per_pixel: float,
    found: NuclearMap,
    parts: Fragments,
    cells: Sequence[Cluster],
) -> NDArray[np.float64]:
    """Measure nuclei in the image.

    Args:
        image: (H, W, 3) uint8 RGB, the field.
        microns_per_pixel: of it.
        found: its nuclear map.
        parts: the fragments of the map.
        cells: nuclei, clusters of these fragments.

    Returns:
        (N, measures) as in ``RIM_FEATURES``; densities are natural logarithms against
        the background.
    """
    if not cells:
        return np.zeros((0, len(RIM_FEATURES)))
    owner = np.full(len(parts.peak), -1, np.int32)
    centres, reach, level, shape = [], [], [], []
    for number, cell in enumerate(cells):
        owner[list(cell.members)] = number
        centres.append(found.to_field(*cell.centre))
        away = cell.hull - np.array(cell.centre)
        reach.append(float(np.hypot(away[:, 0], away[:, 1]).max()) * WORKING_MICRONS + RAY_MARGIN)
        level.append(cell.mass / float(cell.moments[0]))
        hull = cv2.contourArea(cell.hull) * WORKING_MICRONS**2 + 1.0
        shape.append((cell.area / hull, cell.ellipse[0]))
    measured = measure_along_rays(
        np.ascontiguousarray(image),
        LOG_INTENSITY,
        np.log(found.background),
        found.density,
        parts.labels,
        owner,
        np.array(centres),
        np.array(reach),
        np.array(level),
        microns_per_pixel,
        found.scale,
    )
    return np.column_stack((measured, np.array(shape)))
