"""The standard crop: 250×250 px at 0.08625 µm/px, what every network sees."""

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.errors import InputError, TableError

INPUT_SIZE = 250  # px, each side
_FAR_LARGER = 2  # times the side of a crop of one cell
MICRONS_PER_PIXEL = 0.08625  # 3.45 µm camera pixel behind a 40× objective (Matek et al. 2021)
# µm; nothing optical is finer, and no cell is seen above.
SMALLEST_PIXEL, LARGEST_PIXEL = 0.005, 10.0


def resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize (H, W, 3): area averaging when shrinking, bicubic when growing."""
    if image.shape[:2] == (height, width):
        return image
    shrinking = image.shape[0] * image.shape[1] > height * width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), dtype=np.uint8)


def prepare(image: NDArray[np.uint8], microns_per_pixel: float | None) -> NDArray[np.uint8]:
    """Bring an image to the network's input of 250×250 px.

    With a known pixel size the image is resampled to 0.08625 µm/px and the middle 250×250 px are
    taken; what is missing at the border is mirrored. Without one, an image of another size is
    scaled to 250×250 px as a whole, as the study did with external images.
    """
    if microns_per_pixel is None:
        return resize(image, INPUT_SIZE, INPUT_SIZE)
    ratio = microns_per_pixel / MICRONS_PER_PIXEL
    # Only the part that is needed is resampled: a whole field at a fine pixel size would not fit.
    image = _middle(image, int(np.ceil(INPUT_SIZE / ratio)) + 2)
    if abs(ratio - 1) > 1e-3:
        height, width = (max(1, round(side * ratio)) for side in image.shape[:2])
        image = resize(image, height, width)
    image = _middle(image, INPUT_SIZE)
    missing = [INPUT_SIZE - side for side in image.shape[:2]]
    top, left = (side // 2 for side in missing)
    padded = cv2.copyMakeBorder(
        image, top, missing[0] - top, left, missing[1] - left, cv2.BORDER_REFLECT
    )
    return np.asarray(padded, dtype=np.uint8)


def size_remark(height: int, width: int, microns_per_pixel: float | None) -> str | None:
    """A line on an image that shows far more than one cell; None for others.

    Args:
        height: px.
        width: px.
        microns_per_pixel: as given to ``prepare``, which cuts or squeezes the image.
    """
    longest = max(height, width)
    if microns_per_pixel is None:
        if longest <= _FAR_LARGER * INPUT_SIZE:
            return None
        return (
            f"larger than a cell, squeezed as a whole ({width}×{height} px to {INPUT_SIZE}, of a "
            "field cut the cells out first)"
        )
    side = INPUT_SIZE * MICRONS_PER_PIXEL
    if longest * microns_per_pixel <= _FAR_LARGER * side:
        return None
    wide, high = width * microns_per_pixel, height * microns_per_pixel
    return f"larger than a cell, only its middle is seen ({side:.0f} of {wide:.0f}×{high:.0f} µm)"


def _middle(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    top, left = (max(0, (length - side) // 2) for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def is_pixel_size(microns: float) -> bool:
    """Whether a cell image can have pixels of this size; not a number cannot."""
    return SMALLEST_PIXEL <= microns <= LARGEST_PIXEL


def require_pixel_size(microns: float) -> float:
    """A stated pixel size in µm.

    Raises:
        InputError: it is not between 0.005 and 10.
    """
    if not is_pixel_size(microns):
        raise InputError(f"`microns_per_pixel` is {microns}; expected 0.005 to 10 µm per pixel")
    return float(microns)


def pixel_sizes(table: pl.DataFrame, given: float | None = None) -> list[float | None]:
    """Pixel size of every row in µm: its own, else the given one, else None.

    Raises:
        InputError: a size is not between 0.005 and 10.
    """
    if given is not None:
        require_pixel_size(given)
    own = (
        table["microns_per_pixel"].to_list()
        if "microns_per_pixel" in table.columns
        else [None] * table.height
    )
    wrong = next((size for size in own if size is not None and not is_pixel_size(size)), None)
    if wrong is not None:
        raise TableError(f"microns_per_pixel in the table is {wrong}; expected 0.005 to 10")
    return [size if size is not None else given for size in own]
