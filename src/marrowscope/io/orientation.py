"""An image and its EXIF orientation → which one it is, and the pixels upright (EXIF 2.32)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ORIENTATION = 0x0112  # EXIF tag


def exif_orientation(image: Image.Image) -> int:
    """1 (upright) to 8, as EXIF says."""
    try:
        value = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # an unreadable EXIF block says nothing about the pixels
        return 1
    return value if 1 <= value <= 8 else 1


def oriented(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Pixels turned upright; ``orientation`` is 1 to 8, as EXIF numbers it."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda pixels: np.rot90(pixels),
}
