"""Pixels decide whether two crops show the same."""

import cv2
import numpy as np
from numpy.typing import NDArray

# Correlation of the shared part, and how small it may be. The same field compressed twice as JPEG
# stays above .99; the likest different cells, the same drawing twice, reached .993.
MIN_CORRELATION, MIN_SHARED = 0.985, 0.1
MIN_STD = 4.0  # grey levels: an even part looks like any other even part
# From here on nothing else is asked; a small part with one cell drawn twice reached .997.
SURE_CORRELATION, SURE_SMALL = 0.996, 0.999
# Less than this is small. Turned and rescaled copies are of whole crops and show more.
SMALL = 0.25
PATCH_CHANGE, MAX_CHANGED = 5.0, 0.01  # grey levels of a smoothed difference; share of pixels
SEARCH = 4  # px around the shift that the landmarks say
# Resampling takes away what is finer than this (px), in the one and not in the other.
RESAMPLING_BLUR = 1.5


def verify_overlap(
    one: NDArray[np.uint8], two: NDArray[np.uint8], dx: float, dy: float
) -> tuple[int, int, float, float] | None:
    """Measure the shift on the pixels.

    Args:
        one, two: (H, W, 3) uint8 RGB, equal shapes.
        dx, dy: where ``two`` seems to begin in ``one``, px.

    Returns:
        dx, dy, shared area (share of a crop) and correlation of the shared part, or None when the
        parts differ or too little is shared to tell.
    """
    height, width = one.shape[:2]
    first = cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32)
    second = cv2.cvtColor(two, cv2.COLOR_RGB2GRAY).astype(np.float32)
    x, y = round(dx), round(dy)
    mine, other = _shared(first, second, x, y)
    if min(mine.shape) <= 4 * SEARCH:
        return None
    # The middle of one's part is looked for in the other's.
    middle = mine[SEARCH:-SEARCH, SEARCH:-SEARCH]
    place = cv2.minMaxLoc(cv2.matchTemplate(other, middle, cv2.TM_CCOEFF_NORMED))[3]
    x, y = x + SEARCH - place[0], y + SEARCH - place[1]
    mine, other = _shared(first, second, x, y)
    shared = mine.size / (width * height)
    if shared < MIN_SHARED:
        return None
    correlation = _correlation(mine, other)
    if correlation < MIN_CORRELATION:
        return None
    if correlation >= (SURE_CORRELATION if shared >= SMALL else SURE_SMALL):
        return x, y, shared, correlation
    # Compression changes pixels here and there; another cell changes whole patches.
    change = cv2.GaussianBlur(mine - other, (0, 0), 2.0)
    changed = float((np.abs(change - np.median(change)) > PATCH_CHANGE).mean())
    return (x, y, shared, correlation) if changed <= MAX_CHANGED else None


def verify_rescaled(
    one: NDArray[np.uint8], two: NDArray[np.uint8], dx: float, dy: float, scale: float
) -> tuple[float, float] | None:
    """Compare crops of different scale as the landmarks place them.

    Args:
        one, two: (H, W, 3) uint8 RGB, equal shapes.
        dx, dy: where ``two``, scaled, begins in ``one``, px.
        scale: size of ``two`` in ``one``.

    Returns:
        Shared area (share of a crop) and correlation, or None when the parts differ or less than a
        quarter is shared.
    """
    height, width = one.shape[:2]
    first = cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32)
    second = cv2.cvtColor(two, cv2.COLOR_RGB2GRAY).astype(np.float32)
    place = np.array([[scale, 0, dx], [0, scale, dy]])
    second = cv2.warpAffine(second, place, (width, height), borderMode=cv2.BORDER_REFLECT)
    left, top = max(0, int(np.ceil(dx))), max(0, int(np.ceil(dy)))
    right = min(width, int(scale * (width - 1) + dx) + 1)
    bottom = min(height, int(scale * (height - 1) + dy) + 1)
    shared = max(0, right - left) * max(0, bottom - top) / (width * height)
    if shared < SMALL:
        return None
    mine, other = (
        cv2.GaussianBlur(image[top:bottom, left:right], (0, 0), RESAMPLING_BLUR)
        for image in (first, second)
    )
    correlation = _correlation(mine, other)
    return (shared, correlation) if correlation >= MIN_CORRELATION else None


def _shared(
    first: NDArray[np.float32], second: NDArray[np.float32], x: int, y: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The part that both show when ``second`` begins at (x, y) of ``first``; may be empty."""
    height, width = first.shape
    across, down = max(0, width - abs(x)), max(0, height - abs(y))
    mine = first[max(0, y) : max(0, y) + down, max(0, x) : max(0, x) + across]
    other = second[max(0, -y) : max(0, -y) + down, max(0, -x) : max(0, -x) + across]
    return mine, other


def _correlation(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    a, b = one - one.mean(), two - two.mean()
    deviations = float(np.sqrt((a * a).mean())), float(np.sqrt((b * b).mean()))
    if min(deviations) < MIN_STD:
        return 0.0
    return float((a * b).mean()) / (deviations[0] * deviations[1])
