"""Labels, seed and epoch → the class-balanced order of the images in it."""

import numpy as np
from numpy.typing import NDArray

from marrowscope.augment.augmentation_parameters import uniforms

# Streams of random numbers that must not repeat each other.
_ORDER_STREAM, _IMAGE_STREAM = 1, 2


def images_per_class(labels: NDArray[np.int64], target: int | None) -> int:
    """Images per class in one virtual epoch; None means the size of the largest class."""
    return int(np.bincount(labels).max()) if target is None else target


def virtual_epoch(
    labels: NDArray[np.int64], target: int | None, seed: int, epoch: int
) -> NDArray[np.int64]:
    """Row indices of one virtual epoch.

    Every class gets the same number of places. Within a class all images are used equally often
    (to within one), in an order drawn anew for every epoch; the classes are mixed by a random
    permutation.

    Args:
        labels: (N,) class index of each training image; every index from 0 to its maximum occurs.
        target: images per class, None = size of the largest class.
        seed, epoch: the result is a pure function of them.

    Returns:
        (classes × target,) indices into ``labels``.
    """
    count = images_per_class(labels, target)
    chosen = []
    for index in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == index)
        rounds = -(-count // len(members))
        positions = np.arange(rounds * len(members), dtype=np.int64)
        keys = uniforms(seed, epoch, positions + (index << 40), 1 + _IMAGE_STREAM)[:, _IMAGE_STREAM]
        order = np.argsort(keys.reshape(rounds, -1), axis=1, kind="stable")
        chosen.append(members[order].reshape(-1)[:count])
    rows = np.concatenate(chosen)
    keys = uniforms(seed, epoch, np.arange(len(rows)) + (1 << 60), 1 + _ORDER_STREAM)
    permuted: NDArray[np.int64] = rows[np.argsort(keys[:, _ORDER_STREAM], kind="stable")]
    return permuted
