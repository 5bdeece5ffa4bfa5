"""How sharp a piece of a smear is, as the standard deviation of its blur in µm.

Cells have edges. The contrast of an edge between two smoothings is known in closed form: for steps
smoothed by standard deviations a and b, the squared difference integrates to a constant times

    f(a, b) = sqrt(2 (a² + b²)) − a − b.

The ratio of that contrast at a fine and at a coarse pair of scales does not depend on how many
edges there are nor how dark they are, and falls as the image itself is blurred. So the blur is
read off the ratio. Our own choice; edges that are not steps make it come out larger.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

FINEST_SCALE = 0.35  # µm; below it are noise and the grain of chromatin
_LARGEST = 3.0  # µm of blur that the table ends at
_MIN_CONTRAST = 4e-6  # squared density: less is empty glass, of which nothing can be said


def estimate_blur(density: NDArray[np.float32], microns_per_pixel: float) -> float | None:
    """Standard deviation of the blur in µm; None where there is nothing to be sharp.

    Args:
        density: (H, W) float32, optical density.
        microns_per_pixel: up to about 0.5; coarser images hide what is asked for.
    """
    scale = max(FINEST_SCALE, 1.0 * microns_per_pixel)
    smooth = [
        cv2.GaussianBlur(density, (0, 0), factor * scale / microns_per_pixel)
        for factor in (1, 2, 4)
    ]
    border = int(np.ceil(4 * scale / microns_per_pixel))
    if min(density.shape) <= 2 * border:
        return None
    inner = slice(border, -border)
    fine, coarse = (
        float(np.mean((first - second)[inner, inner] ** 2)) for first, second in pairwise(smooth)
    )
    if coarse < _MIN_CONTRAST:
        return None
    blurs = np.linspace(0, _LARGEST, 301)
    one, two, four = (np.hypot(blurs, factor * scale) for factor in (1, 2, 4))
    ratios = _contrast(one, two) / _contrast(two, four)
    # It falls steadily, and np.interp wants what rises.
    return float(np.interp(-fine / coarse, -ratios, blurs))


def _contrast(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(2 * (a**2 + b**2)) - a - b
