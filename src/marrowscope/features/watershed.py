"""A height, markers and a mask go in, the areas that the markers flood come out (Meyer 1994).

Pixels are taken in the order of their height, and of equal ones those that were reached first, as
scikit-image does it. Of 150 cells of the real sample one was parted otherwise (by 16 px).
"""

import heapq

import numpy as np
from numpy.typing import NDArray

from marrowscope.features.masks import Mask


def flood(height: NDArray[np.float32], markers: NDArray[np.int32], mask: Mask) -> NDArray[np.int32]:
    """Label every pixel of the mask that the markers reach, 4 neighbours at a time.

    Args:
        height: (H, W).
        markers: (H, W), 0 where no marker is.
        mask: (H, W), what may be flooded.

    Returns:
        (H, W), the marker that came first; 0 outside of the mask.
    """
    # A border all around saves looking for the edge.
    labels = np.pad(np.where(mask, markers, 0).astype(np.int32), 1)
    closed = np.pad(~mask | (markers > 0), 1, constant_values=True)
    wide = labels.shape[1]
    # Markers that touch only markers and what is outside flood nothing.
    beside = ~closed[:-2, 1:-1] | ~closed[2:, 1:-1] | ~closed[1:-1, :-2] | ~closed[1:-1, 2:]
    starts = np.flatnonzero(np.pad(beside, 1) & (labels > 0)).tolist()
    level = np.pad(height, 1).ravel().tolist()
    label, shut = labels.ravel().tolist(), closed.ravel().tolist()
    queue = [(level[place], 0, place) for place in starts]
    heapq.heapify(queue)
    age = 0
    while queue:
        _, _, place = heapq.heappop(queue)
        for near in (place - wide, place - 1, place + 1, place + wide):
            if not shut[near]:
                shut[near] = True
                label[near] = label[place]
                age += 1
                heapq.heappush(queue, (level[near], age, near))
    return np.array(label, np.int32).reshape(labels.shape)[1:-1, 1:-1]
