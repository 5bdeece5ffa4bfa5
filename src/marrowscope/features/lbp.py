"""Grey planes → local binary patterns, uniform and rotation-invariant (Ojala et al. 2002).

Eight neighbours at whole-pixel places nearest to the circle; the histogram has a bin for each
number of brighter neighbours among uniform patterns (0–8), and one for all others.
"""

import numpy as np
from numpy.typing import NDArray

from marrowscope.features.feature_names import Feature, features_by_region
from marrowscope.features.image_planes import REGIONS, TEXTURED, ImagePlanes

RADII = (1, 2, 3, 5)
_BINS = 10


def features() -> list[Feature]:
    """Names, in the order of ``values``."""
    middle = [
        (f"lbp.r{radius}.{name}", f"of {name} at radius {radius} px")
        for name in TEXTURED
        for radius in RADII
    ]
    last = [
        (
            f"bin{place}",
            "1",
            f"share of uniform patterns with {place} neighbours not darker"
            if place < 9
            else "share of patterns that are not uniform",
        )
        for place in range(_BINS)
    ]
    return features_by_region(REGIONS, middle, last)


def uniform_bins() -> NDArray[np.uint8]:
    """Bin of each of the 256 patterns."""
    codes = np.arange(256)
    bits = (codes[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), 9).astype(np.uint8)


_TABLE = uniform_bins()


def values(view: ImagePlanes) -> NDArray[np.float64]:
    """Numbers in the order of ``features``; NaN for regions without pixels."""
    planes, label = view.textured(), view.label[view.box]
    offset = label.astype(np.int32) * _BINS
    counts = np.empty((len(planes), len(RADII), 3, _BINS))
    edge = max(RADII)
    padded = np.pad(planes, ((0, 0), (edge, edge), (edge, edge)), mode="edge")
    for far, radius in enumerate(RADII):
        bins = _TABLE[_codes(padded, planes, radius, edge)]
        for place in range(len(planes)):
            found = np.bincount((offset + bins[place]).ravel(), minlength=3 * _BINS)
            counts[place, far] = found.reshape(3, _BINS)
    regions = np.stack([counts[:, :, 1] + counts[:, :, 2], counts[:, :, 2], counts[:, :, 1]])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares: NDArray[np.float64] = regions / regions.sum(axis=-1, keepdims=True)
    return shares.ravel()


def _codes(
    padded: NDArray[np.uint8], planes: NDArray[np.uint8], radius: int, edge: int
) -> NDArray[np.uint8]:
    height, width = planes.shape[1:]
    codes = np.zeros(planes.shape, np.uint8)
    for bit in range(8):
        angle = bit * np.pi / 4
        down = edge + round(radius * float(np.sin(angle)))
        right = edge + round(radius * float(np.cos(angle)))
        brighter = padded[:, down : down + height, right : right + width] >= planes
        codes |= brighter.view(np.uint8) << np.uint8(bit)
    return codes
