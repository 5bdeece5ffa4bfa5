"""Slides and fields → tiles as Deep Zoom numbers them, which OpenSeadragon shows.

Level L shows the picture at 2^(L − top) of its size, where level 0 is one pixel; tiles have 254 px
and overlap their neighbours by one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.preprocessing import resize
from marrowscope.review.refusals import NotFoundError
from marrowscope.slides.placed_pictures import PlacedPicture, placed_picture
from marrowscope.slides.slide import read_scaled

TILE, OVERLAP = 254, 1
_QUALITY = 85


def picture_size(path: str, microns_per_pixel: float) -> tuple[int, int]:
    """Width and height of a slide or a field in px.

    Raises:
        ImageError: it cannot be read.
    """
    picture = placed_picture(path, microns_per_pixel)
    if picture.pixels is not None:
        return picture.pixels.shape[1], picture.pixels.shape[0]
    return picture.slide.size if picture.slide is not None else (0, 0)


def read_tile(path: str, microns_per_pixel: float, level: int, column: int, row: int) -> bytes:
    """One tile as JPEG.

    Args:
        path: of a slide or a field image.
        microns_per_pixel: of it.
        level: of Deep Zoom.
        column, row: of the tile.

    Raises:
        ImageError: the picture cannot be read.
        NotFoundError: there is no such tile.
    """
    width, height = picture_size(path, microns_per_pixel)
    top = max(0, math.ceil(math.log2(max(width, height, 1))))
    if not 0 <= level <= top:
        raise NotFoundError(f"no level {level}, only 0 to {top}")
    scale = 2 ** (top - level)
    across, down = -(-width // scale), -(-height // scale)
    if not (0 <= column * TILE < across and 0 <= row * TILE < down):
        raise NotFoundError(f"no tile {column}, {row} on level {level}")
    left, upper = max(0, column * TILE - OVERLAP), max(0, row * TILE - OVERLAP)
    right = min(across, (column + 1) * TILE + OVERLAP)
    lower = min(down, (row + 1) * TILE + OVERLAP)
    return encode_jpeg(
        read_rectangle(
            placed_picture(path, microns_per_pixel),
            left * scale, upper * scale, right - left, lower - upper, scale,
        ),
        _QUALITY,
    )  # fmt: skip


def read_rectangle(
    picture: PlacedPicture, x: int, y: int, width: int, height: int, scale: int
) -> NDArray[np.uint8]:
    """A rectangle, shrunk.

    Args:
        picture: that is open.
        x, y: upper left corner in its px; may lie outside, which is white.
        width, height: of the result in px.
        scale: px of the picture for one of the result.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    if picture.pixels is None and picture.slide is not None:
        slide = picture.slide
        wanted = slide.microns_per_pixel * scale
        found = read_scaled(slide, x, y, width * scale, height * scale, wanted)
        return found if found.shape[:2] == (height, width) else resize(found, height, width)
    pixels = np.asarray(picture.pixels)
    image = np.full((height * scale, width * scale, 3), 255, np.uint8)
    left, upper = max(0, x), max(0, y)
    right = min(pixels.shape[1], x + width * scale)
    lower = min(pixels.shape[0], y + height * scale)
    if left < right and upper < lower:
        image[upper - y : lower - y, left - x : right - x] = pixels[upper:lower, left:right]
    return image if scale == 1 else resize(image, height, width)
