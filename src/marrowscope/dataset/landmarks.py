"""A crop → landmarks: corners with an upright SIFT descriptor of their surroundings.

Two crops of one field differ by a whole number of pixels and nothing else. So corners (Shi and
Tomasi, CVPR 1994) come back at the same places; the orientation, which SIFT would turn away, is
kept and says more; and the descriptor (Lowe, IJCV 2004) looks at few pixels, so that the edge of
what is shared spoils few of them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.dataset.crop_orientations import DESCRIPTOR_ORDERS, UPRIGHT, oriented_places
from marrowscope.preprocessing import INPUT_SIZE

# Corners that are looked at, how near each other (px), and how many of each square of a grid are
# taken: whatever part two crops share has some.
LOOKED_AT, APART = 400, 6
GRID, PER_SQUARE = 6, 3
# Least strength, as a share of the strongest corner: edges of red cells are weak beside nuclei.
MIN_RESPONSE = 0.002
# Diameter that the descriptor is told (px); it looks at about six times as much.
SIZE = 3.0


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of one crop.

    Attributes:
        places: (K, 2) float32 x, y in px of the crop.
        descriptors: (K, 128) uint8.
    """

    places: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


NO_LANDMARKS = Landmarks(np.empty((0, 2), np.float32), np.empty((0, 128), np.uint8))


def landmarks(crop: NDArray[np.uint8]) -> Landmarks:
    """Find the landmarks of a (250, 250, 3) uint8 RGB crop; none in an even one."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    corners = cv2.goodFeaturesToTrack(smooth, LOOKED_AT, MIN_RESPONSE, APART, blockSize=5)
    if corners is None:
        return NO_LANDMARKS
    chosen = _spread(corners[:, 0], crop.shape[0])
    points = [cv2.KeyPoint(float(x), float(y), SIZE, 0.0) for x, y in chosen]
    kept, descriptors = cv2.SIFT.create().compute(grey, points)
    if descriptors is None or not len(kept):
        return NO_LANDMARKS
    places = np.array([point.pt for point in kept], dtype=np.float32)
    return Landmarks(places, np.clip(np.rint(descriptors), 0, 255).astype(np.uint8))


def oriented_landmarks(found: Landmarks, orientation: int) -> Landmarks:
    """What the landmarks of a crop are in one of the eight orientations of that crop."""
    if orientation == UPRIGHT:
        return found
    return Landmarks(
        oriented_places(found.places, orientation, INPUT_SIZE),
        found.descriptors[:, DESCRIPTOR_ORDERS[orientation]],
    )


def _spread(corners: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The strongest corners of each square; they come sorted by strength."""
    squares = (corners * GRID / side).astype(int) @ (1, GRID)
    taken: dict[int, int] = {}
    kept = []
    for row, square in enumerate(squares.tolist()):
        taken[square] = taken.get(square, 0) + 1
        if taken[square] <= PER_SQUARE:
            kept.append(row)
    return corners[kept]
