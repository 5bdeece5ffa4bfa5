"""Planes and masks → colour in shells from border to middle, and between planes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.features.feature_names import Feature, features_by_region
from marrowscope.features.image_planes import PLANES, REGIONS, ImagePlanes

_SHELLS = {"cell": 6, "nucleus": 4, "cytoplasm": 4}
_UPPER = np.triu_indices(len(PLANES), 1)


def features() -> list[Feature]:
    """Names, in the order of ``values``."""
    result: list[Feature] = []
    for region, count in _SHELLS.items():
        start = "the nucleus" if region == "cytoplasm" else "its border"
        shells = [
            (f"radial.shell{shell}", f"in shell {shell} of {count}, counted from {start}")
            for shell in range(1, count + 1)
        ]
        last = [
            (f"{name}.{end}", "grey", f"{words} of {name}")
            for end, words in (("mean", "mean"), ("sd", "standard deviation"))
            for name in PLANES
        ]
        result += features_by_region([region], shells, last)
    pairs = [
        (f"{PLANES[a]}.{PLANES[b]}", "1", f"correlation of {PLANES[a]} and {PLANES[b]}")
        for a, b in zip(*_UPPER, strict=True)
    ]
    return result + features_by_region(REGIONS, [("correlation", "over pixels")], pairs)


def values(view: ImagePlanes) -> NDArray[np.float64]:
    """Numbers in the order of ``features``; NaN for regions without pixels."""
    label = view.half_label
    masks = {"cell": label > 0, "nucleus": label == 2, "cytoplasm": label == 1}
    # From the nucleus outwards where there is one.
    from_nucleus = masks["nucleus"].any()
    parts = []
    for region, count in _SHELLS.items():
        mask = masks[region]
        outward = region == "cytoplasm" and from_nucleus
        source = ~masks["nucleus"] if outward else mask
        depth = cv2.distanceTransform(source.astype(np.uint8), cv2.DIST_L2, 5)[mask]
        pixels = view.half[:, mask].astype(np.float64)
        parts.append(_shells(depth, pixels, count))
    pieces = [_correlations(view.half[:, masks[region]]) for region in REGIONS]
    return np.concatenate([part.ravel() for part in (*parts, *pieces)])


def _shells(
    depth: NDArray[np.float32], pixels: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Mean and sd of (P, n) pixels per shell of even depth, (count, 2, P)."""
    if depth.size == 0:
        return np.full((count, 2, len(pixels)), np.nan)
    low, high = float(depth.min()), float(depth.max())
    shell = np.minimum((depth - low) / max(high - low, 1e-6) * count, count - 1).astype(np.int64)
    member = (shell[:, None] == np.arange(count)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = pixels @ member / member.sum(axis=0)
        square = pixels**2 @ member / member.sum(axis=0)
    sd = np.sqrt(np.maximum(square - mean**2, 0))
    return np.stack([mean.T, sd.T], axis=1)


def _correlations(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    if pixels.shape[1] < 3:
        return np.full(len(_UPPER[0]), np.nan)
    # Sums of whole numbers, which are exact: BLAS adds in an order that depends on the number of
    # threads.
    grey, count = pixels.astype(np.float64), pixels.shape[1]
    total = grey.sum(axis=1)
    covariance = count * (grey @ grey.T) - np.outer(total, total)
    scale = np.sqrt(np.diag(covariance))
    # A plane without any variation goes together with nothing.
    table = covariance / np.maximum(np.outer(scale, scale), 1e-9)
    result: NDArray[np.float64] = table[_UPPER]
    return result
