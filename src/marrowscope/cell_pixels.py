"""The standard crop of a row of a cell table: an image of one cell, or a place in a picture.

Where ``in_field`` is true, ``path`` is a field or a slide and the cell lies at ``x``, ``y`` in it:
the crop is cut out around that place, never the whole field made small. Where its pixel size is not
known, its pixels are taken for those of the networks, 0.08625 µm. The picture is opened once for
many cells (``slides.placed_pictures``).
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import IN_FIELD
from marrowscope.io.image_decoding import decode_noted
from marrowscope.io.image_file import ImageError, read_bytes
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL, pixel_sizes, prepare
from marrowscope.slides.placed_pictures import PlacedPicture, placed_picture
from marrowscope.slides.slide import Slide


@dataclass(frozen=True)
class CellImage:
    """Where the pixels of a cell are.

    Attributes:
        path: of the image or the field.
        microns_per_pixel: of the file, None where it is not known.
        place: x and y of the cell's centre in px of the field; None of an image of one cell.
    """

    path: str
    microns_per_pixel: float | None = None
    place: tuple[float, float] | None = None


def cell_images(table: pl.DataFrame, microns_per_pixel: float | None = None) -> list[CellImage]:
    """Where the pixels of every row are.

    Args:
        table: with ``path``, and ``microns_per_pixel``, ``in_field``, ``x``, ``y`` as far as known.
        microns_per_pixel: of all that do not state their own.

    Raises:
        InputError: a pixel size makes no sense.
    """
    sizes = pixel_sizes(table, microns_per_pixel)
    return [
        CellImage(path or "", size, place)
        for path, size, place in zip(table["path"].to_list(), sizes, places(table), strict=True)
    ]


def cell_of(row: Mapping[str, Any]) -> CellImage:
    """Where the pixels of a row of a cell table are that is at hand as a mapping."""
    x, y = row.get("x"), row.get("y")
    lies = bool(row.get(IN_FIELD)) and x is not None and y is not None
    place = (float(x), float(y)) if lies and x is not None and y is not None else None
    return CellImage(row.get("path") or "", row.get("microns_per_pixel"), place)


def places(table: pl.DataFrame) -> list[tuple[float, float] | None]:
    """Place of the cell in its field, None in each row that is an image of one cell."""
    if not {IN_FIELD, "x", "y"} <= set(table.columns):
        return [None] * table.height
    return [
        (float(x), float(y)) if lies and x is not None and y is not None else None
        for lies, x, y in table.select(IN_FIELD, "x", "y").rows()
    ]


@dataclass(frozen=True, eq=False)
class CellPixels:
    """What was read of a cell.

    Attributes:
        own: (H, W, 3) uint8 RGB: an image of one cell as it is, else the crop.
        crop: the standard crop, (250, 250, 3) uint8 RGB.
        digest: by which these pixels are known; ``cell_digest``.
        notes: what was converted.
    """

    own: NDArray[np.uint8]
    crop: NDArray[np.uint8]
    digest: str
    notes: tuple[str, ...]


def read_cell(cell: CellImage) -> NDArray[np.uint8]:
    """The standard crop, (250, 250, 3) uint8 RGB.

    Raises:
        ImageError: the file cannot be read or is not a whole image.
    """
    return read_cell_pixels(cell).crop


def read_cell_pixels(cell: CellImage, indexed_as: str | None = None) -> CellPixels:
    """The pixels of a cell, and what is known of them.

    Args:
        cell: where they are.
        indexed_as: the digest that they had; None: whatever they are now.

    Raises:
        ImageError: the row names no file, or it cannot be read, is not a whole image, or has
            changed since it was indexed.
    """
    if not cell.path:
        raise ImageError("a row of the table", "it has no path")
    if cell.place is None:
        data = read_bytes(Path(cell.path))
        digest = _unchanged(cell, hashlib.sha256(data).hexdigest(), indexed_as)
        decoded = decode_noted(data, cell.path)
        crop = prepare(decoded.pixels, cell.microns_per_pixel)
        return CellPixels(decoded.pixels, crop, digest, decoded.notes)
    if not all(map(math.isfinite, cell.place)):
        x, y = cell.place
        raise ImageError(cell.path, f"its place in the picture is no number (x {x:g}, y {y:g})")
    picture = placed_picture(cell.path, cell.microns_per_pixel or MICRONS_PER_PIXEL)
    digest = _unchanged(cell, picture.digest, indexed_as)
    crop = _cut_out(picture, cell, *cell.place)
    return CellPixels(crop, crop, digest, picture.notes)


def _unchanged(cell: CellImage, file_digest: str, indexed_as: str | None) -> str:
    digest = cell_digest(file_digest, cell.place)
    if indexed_as is not None and digest != indexed_as:
        raise ImageError(
            cell.path, "the file has changed since it was indexed; run 'marrowscope index' again"
        )
    return digest


def _cut_out(picture: PlacedPicture, cell: CellImage, x: float, y: float) -> NDArray[np.uint8]:
    half = half_crop(cell.microns_per_pixel or MICRONS_PER_PIXEL)
    if picture.pixels is None and picture.slide is not None:
        crop = crop_from_slide(picture.slide, x, y)
    else:
        crop = standard_crop(np.asarray(picture.pixels), cell)
    picture.require_sound(round(x) - half, round(y) - half, 2 * half + 1)
    return crop


def standard_crop(image: NDArray[np.uint8], cell: CellImage) -> NDArray[np.uint8]:
    """The standard crop of a decoded file, (250, 250, 3) uint8 RGB.

    Args:
        image: (H, W, 3) uint8 RGB, the whole file.
        cell: where in it, and its pixel size.
    """
    if cell.place is None:
        return prepare(image, cell.microns_per_pixel)
    height, width = image.shape[:2]
    x, y = cell.place
    inside = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    return crop_from_field(image, *inside, cell.microns_per_pixel or MICRONS_PER_PIXEL)


def cell_digest(file_digest: str, place: tuple[float, float] | None) -> str:
    """By which a cell's pixels are known: the digest of its file, in a field with the place."""
    if place is None:
        return file_digest
    text = f"{file_digest} {place[0]:.1f} {place[1]:.1f}"
    return hashlib.sha256(text.encode()).hexdigest()


def crop_from_field(
    field: NDArray[np.uint8], x: float, y: float, microns_per_pixel: float
) -> NDArray[np.uint8]:
    """The 250×250 px at 0.08625 µm/px around a position; what lies outside is mirrored.

    Args:
        field: (H, W, 3) uint8 RGB.
        x, y: position in its pixels, (0, 0) is the centre of the first one; inside the field.
        microns_per_pixel: of the field. Another size than 0.08625 is resampled.
    """
    half = half_crop(microns_per_pixel)
    column, row = round(x), round(y)
    height, width = field.shape[:2]
    inside = field[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
    padded = cv2.copyMakeBorder(
        inside,
        max(0, half - row),
        max(0, row + half + 1 - height),
        max(0, half - column),
        max(0, column + half + 1 - width),
        cv2.BORDER_REFLECT,
    )
    return prepare(np.asarray(padded, dtype=np.uint8), microns_per_pixel)


def crop_from_slide(slide: Slide, x: float, y: float) -> NDArray[np.uint8]:
    """The standard crop around a position of level 0; outside of the slide is white."""
    half = half_crop(slide.microns_per_pixel)
    side = 2 * half + 1
    pixels = slide.read_region(round(x) - half, round(y) - half, side, side)
    return prepare(pixels, slide.microns_per_pixel)


def half_crop(microns_per_pixel: float) -> int:
    """Pixels on either side of the middle one that a standard crop needs."""
    return math.ceil(INPUT_SIZE * MICRONS_PER_PIXEL / microns_per_pixel / 2) + 2
