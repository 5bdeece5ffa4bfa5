"""Cells of a smear → those that look most like one of them.

Each cell is described by the mean and spread of its optical density in rings around the middle,
which a turned cell has too; where the answers of a model may be shown, their Hellinger distance is
added. Distances are between standardized descriptions.
"""

import numpy as np
from numpy.typing import NDArray

from marrowscope.stain import optical_density

_RINGS = 8
_ANSWERS_WEIGH = 4.0  # a wholly different answer weighs as much as four standard deviations


def describe(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Descriptions of pictures of cells: 2 · 3 values for each of 8 rings.

    Args:
        images: (N, H, H, 3) uint8 RGB, the cells in the middle.

    Returns:
        (N, 48) float32.
    """
    side = images.shape[1]
    along = np.arange(side) - (side - 1) / 2
    radius = np.hypot(*np.meshgrid(along, along)) / (side / 2)
    ring = np.minimum((radius * _RINGS).astype(int), _RINGS)  # corners are none
    found = np.empty((len(images), _RINGS, 2, 3), np.float32)
    for row, image in enumerate(images):
        density = optical_density(image)
        for number in range(_RINGS):
            values = density[ring == number]
            found[row, number, 0], found[row, number, 1] = values.mean(axis=0), values.std(axis=0)
    return found.reshape(len(images), -1)


def most_alike(
    descriptions: NDArray[np.float32], row: int, answers: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows from the most alike to the least, the row itself first, and how alike they are.

    Args:
        descriptions: (N, D).
        row: that the others are compared with.
        answers: (N, C) probabilities, nan where there are none.

    Returns:
        (N,) rows and (N,) likeness, in (0, 1].
    """
    spread = descriptions.std(axis=0)
    scaled = descriptions / np.where(spread > 0, spread, 1)
    distance = np.sqrt(((scaled - scaled[row]) ** 2).mean(axis=1))
    if answers is not None and not np.isnan(answers[row]).any():
        roots = np.sqrt(np.nan_to_num(answers))
        distance = distance + _ANSWERS_WEIGH * np.sqrt(((roots - roots[row]) ** 2).sum(axis=1) / 2)
    distance[row] = 0.0
    order = np.lexsort((np.arange(len(distance)) != row, distance))
    return order, 1 / (1 + distance[order])
