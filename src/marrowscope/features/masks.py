"""Masks and grey values → masks: thresholds, opening, filling, components."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

# Densities (natural log) above this are equally dark to ``otsu``: 5 % of the light are left.
MAX_DENSITY = 3.0


def disc(width: int) -> NDArray[np.uint8]:
    """A disc of so many px across (an odd number), as a structuring element."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), dtype=np.uint8)


def otsu(values: NDArray[np.float32]) -> float:
    """Least density of the denser of two populations (Otsu, IEEE Trans. SMC 1979)."""
    levels = np.clip(values * (255 / MAX_DENSITY), 0, 255).astype(np.uint8).reshape(1, -1)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return (float(threshold) + 1) * (MAX_DENSITY / 255)


def eroded(mask: Mask, width: int) -> Mask:
    """Without a border of half the width (px)."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), disc(width)), dtype=bool)


def smoothed(mask: Mask) -> Mask:
    """Open, then close holes of chromatin."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(5))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disc(5))
    return filled(np.asarray(closed, dtype=bool))


def filled(mask: Mask) -> Mask:
    """Fill holes smaller than a fifth of what surrounds them (a ring nucleus keeps its hole)."""
    result = mask.astype(np.uint8)
    contours, tree = cv2.findContours(result, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for place, contour in enumerate(contours):
        parent = -1 if tree is None else int(tree[0][place][3])
        if parent >= 0 and cv2.contourArea(contour) < 0.2 * cv2.contourArea(contours[parent]):
            cv2.drawContours(result, [contour], -1, 1, cv2.FILLED)
    return np.asarray(result, dtype=bool)


def largest(mask: Mask) -> Mask:
    """The largest connected part."""
    return components_above(mask, 1.0)


def components_above(mask: Mask, share: float) -> Mask:
    """Connected parts of at least this share of the largest part's area."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 3:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas >= share * areas.max())[labels], dtype=bool)


def raggedness(mask: Mask) -> float:
    """Perimeter of all borders, holes too, against that of a disc of the same area; 1 = a disc."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(contour, True) for contour in contours)
    return length / (2 * float(np.sqrt(np.pi * max(int(mask.sum()), 1))))
