"""An image of a cell → all its features, with their names."""

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.features.cell_segmentation import Segmentation, segment
from marrowscope.features.feature_catalogue import FAMILIES, names
from marrowscope.features.image_planes import image_planes
from marrowscope.preprocessing import INPUT_SIZE

# Raised whenever a number can come out differently: other versions' caches and models are refused.
VERSION = 3


def measure_cell(
    image: NDArray[np.uint8], segmentation: Segmentation | None = None
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Measure the centre cell of a crop.

    Args:
        image: (250, 250, 3) uint8 RGB.
        segmentation: where the cell lies; found by ``segment`` when not given.

    Returns:
        Names, and values (features,) float32 in the order of ``catalogue()``. A value is NaN
        where it has no meaning (texture of a nucleus that is not there); never infinite.

    Raises:
        InputError: the image or the masks have another size, or the cell mask is empty.
    """
    wanted = (INPUT_SIZE, INPUT_SIZE, 3)
    if image.shape != wanted or image.dtype != np.uint8:
        raise InputError(f"image: is {image.shape} {image.dtype}; expected {wanted} uint8")
    found = segment(image) if segmentation is None else _checked(segmentation, image.shape[:2])
    picture = image_planes(image, found)
    values = np.concatenate([family.values(picture) for family in FAMILIES])
    values[~np.isfinite(values)] = np.nan
    return names(), values.astype(np.float32)


def _checked(segmentation: Segmentation, shape: tuple[int, ...]) -> Segmentation:
    for name, mask in (("cell", segmentation.cell), ("nucleus", segmentation.nucleus)):
        if mask.shape != shape or mask.dtype != np.bool_:
            raise InputError(
                f"{name} mask: is {mask.shape} {mask.dtype}; the image needs {shape} bool"
            )
    if not segmentation.cell.any():
        raise InputError("cell mask: is empty; leave it out to have the cell found")
    if (segmentation.nucleus & ~segmentation.cell).any():
        raise InputError("nucleus mask: reaches beyond the cell mask")
    return segmentation
