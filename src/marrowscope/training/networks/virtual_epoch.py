"""Labels, laboratories, seed and epoch → the balanced order of the images, and whose stains."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marrowscope.augment.augmentation_parameters import uniforms

# Streams of random numbers that must not repeat each other.
_ORDER_STREAM, _IMAGE_STREAM = 1, 2


def images_per_class(labels: NDArray[np.int64], target: int | None) -> int:
    """Images per class in one virtual epoch; None means the size of the largest class."""
    return int(np.bincount(labels).max()) if target is None else target


def virtual_epoch(
    labels: NDArray[np.int64],
    target: int | None,
    seed: int,
    epoch: int,
    laboratories: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Row indices of one virtual epoch.

    Every class gets the same number of places, and each laboratory that has the class as many of
    them as the others. Within a class of a laboratory all images are used equally often (to within
    one), in an order drawn anew for every epoch; the classes are mixed by a random permutation.

    Args:
        labels: (N,) class index of each training image; every index from 0 to its maximum occurs.
        target: images per class, None = size of the largest class.
        seed, epoch: the result is a pure function of them.
        laboratories: (N,) index of each image's laboratory; None = one.

    Returns:
        (classes × target,) indices into ``labels``.
    """
    count = images_per_class(labels, target)
    chosen = []
    for index in range(int(labels.max()) + 1):
        of_class = np.flatnonzero(labels == index)
        of_whom = np.zeros(len(of_class)) if laboratories is None else laboratories[of_class]
        groups = [of_class[of_whom == one] for one in np.unique(of_whom)]
        for number, members in enumerate(groups):
            # Places that do not come out even go to another laboratory in every epoch.
            places = count // len(groups) + ((number + epoch) % len(groups) < count % len(groups))
            rounds = -(-places // len(members))
            positions = np.arange(rounds * len(members), dtype=np.int64)
            first = (index << 40) + (number << 32)
            keys = uniforms(seed, epoch, positions + first, 1 + _IMAGE_STREAM)[:, _IMAGE_STREAM]
            order = np.argsort(keys.reshape(rounds, len(members)), axis=1, kind="stable")
            chosen.append(members[order].reshape(-1)[:places])
    rows = np.concatenate(chosen)
    keys = uniforms(seed, epoch, np.arange(len(rows)) + (1 << 60), 1 + _ORDER_STREAM)
    permuted: NDArray[np.int64] = rows[np.argsort(keys[:, _ORDER_STREAM], kind="stable")]
    return permuted


def stain_donors(
    members: Sequence[NDArray[np.int64]],
    share: float,
    seed: int,
    epoch: int,
    positions: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Rows whose stain vectors the images of a batch are shown in.

    Args:
        members: rows of the training images of each laboratory.
        share: of the images that take those of another; the rest keep their own. Every laboratory
            gives with the same probability, and every image within it.
        seed, epoch, positions: (N,) in the epoch; the result is a pure function of them.
        rows: (N,) of the images.

    Returns:
        (N,) row indices.
    """
    # No image's augmentation and no order draws at these positions.
    drawn = uniforms(seed, epoch, positions + (1 << 59), 3)
    donors = rows.copy()
    for place in np.flatnonzero(drawn[:, 0] < share).tolist():
        images = members[int(drawn[place, 1] * len(members))]
        donors[place] = images[int(drawn[place, 2] * len(images))]
    return donors
