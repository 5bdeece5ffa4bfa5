"""The eight orientations of a square crop, and what each makes of places and SIFT descriptors.

Quarter turns and mirroring move pixels and change none. A SIFT descriptor is a 4×4 grid of
histograms of eight directions, so that a turned or mirrored surrounding has the same 128 numbers in
another order: the descriptor of a turned crop need not be computed.
"""

import numpy as np
from numpy.typing import NDArray

# Number g: mirrored left to right where g >= 4, then turned counter-clockwise by g % 4 quarters.
ORIENTATIONS = (
    "upright",
    "turned by 90°",
    "turned by 180°",
    "turned by 270°",
    "mirrored",
    "mirrored and turned by 90°",
    "mirrored and turned by 180°",
    "mirrored and turned by 270°",
)
UPRIGHT = 0
_GRID, _DIRECTIONS = 4, 8


def oriented(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A square image (S, S, …) in one of the eight orientations."""
    mirrored = image[:, ::-1] if orientation >= 4 else image
    return np.ascontiguousarray(np.rot90(mirrored, orientation % 4))


def oriented_places(
    places: NDArray[np.float32], orientation: int, side: int
) -> NDArray[np.float32]:
    """Where the pixels (K, 2) x, y of a crop of ``side`` px lie in the oriented crop."""
    x, y = places[:, 0], places[:, 1]
    if orientation >= 4:
        x = side - 1 - x
    for _ in range(orientation % 4):
        x, y = y, side - 1 - x
    return np.stack([x, y], axis=1)


def _descriptor_orders() -> NDArray[np.int64]:
    numbers = np.arange(_GRID * _GRID * _DIRECTIONS).reshape(_GRID, _GRID, _DIRECTIONS)
    directions = np.arange(_DIRECTIONS)
    orders = []
    for orientation in range(len(ORIENTATIONS)):
        order = numbers
        if orientation >= 4:
            order = order[:, ::-1][..., (4 - directions) % 8]
        for _ in range(orientation % 4):
            order = np.rot90(order)[..., (directions - 2) % 8]
        orders.append(order.ravel())
    return np.array(orders)


# (8, 128): descriptor of the oriented crop = descriptor of the crop [order].
DESCRIPTOR_ORDERS = _descriptor_orders()


def _relative() -> NDArray[np.uint8]:
    by_order = {tuple(order): number for number, order in enumerate(DESCRIPTOR_ORDERS.tolist())}
    table = np.empty((len(ORIENTATIONS),) * 2, np.uint8)
    for one, order in enumerate(DESCRIPTOR_ORDERS):
        back = np.argsort(order)
        for two, other in enumerate(DESCRIPTOR_ORDERS):
            table[one, two] = by_order[tuple(other[back].tolist())]
    return table


# [one, two]: how the second crop has to be oriented to lie like the first, where the first in
# orientation ``one`` shows the same as the second in orientation ``two``.
RELATIVE = _relative()
