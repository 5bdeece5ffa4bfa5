"""Field images of a camera, one or many, in files or in memory, read like one slide.

The images lie side by side in rows, in the order of their names (numbers by value), with white
between them; ``Slide.fields`` says where each one is. What lies beside what means nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.file_signatures import HEAD_BYTES, file_format
from marrowscope.io.image_decoding import decode_noted
from marrowscope.io.image_file import ImageError, read_bytes
from marrowscope.io.image_inspection import image_size, inspect, require_sound_jpeg
from marrowscope.slides.file_handles import PerThreadHandle
from marrowscope.slides.slide import (
    CorruptTile,
    Field,
    Level,
    resolve_pixel_size,
    split_along_tiles,
)
from marrowscope.slides.tiff_levels import find_levels, side_of_pixel
from marrowscope.slides.tiff_structure import read_directories
from marrowscope.slides.tiled_slide import Box, TiledReader, UnreadableTileError

_GAP = 64  # px of white between fields, so that nothing seems to go on from one to the next


@dataclass(frozen=True, eq=False)
class FieldPixels:
    """A field image in memory: how it is called, and (H, W, 3) uint8 RGB."""

    name: str
    pixels: NDArray[np.uint8]


FieldImage: TypeAlias = Path | FieldPixels


class FieldReader(TiledReader):
    """One field image or many; each is a tile of it."""

    def __init__(
        self, images: Sequence[FieldImage], name: str, microns_per_pixel: float | None
    ) -> None:
        """Read the headers; of a single file all of it, so that damage is told at once.

        Args:
            images: in the order in which they are laid out.
            name: how the whole is called in messages.
            microns_per_pixel: the same for all; None: as all of them say it, which TIFF can.

        Raises:
            InputError: an image cannot be read, there is none, no pixel size, or more than one.
        """
        if not images:
            raise InputError(f"{name}: holds no field images; sub-folders are not searched")
        if len(images) == 1 and isinstance(images[0], Path):
            inspect(images[0])
        sides, broken = _all_sides(images)
        if len(broken) == len(images):
            raise broken[0]
        own = _own_pixel_size(images) if microns_per_pixel is None else None
        pixel = resolve_pixel_size(name, microns_per_pixel, own)
        across = math.ceil(math.sqrt(len(images)))
        gap = _GAP if len(images) > 1 else 0
        wide, high = (max(side[axis] for side in sides.values()) + gap for axis in (0, 1))
        rows = -(-len(images) // across)
        whole = Level(across * wide - gap, rows * high - gap, 1.0, wide, high)
        super().__init__(name, (whole,), pixel)
        self._fields = {
            place: Field(images[place].name, place % across * wide, place // across * high, *side)
            for place, side in sides.items()
        }
        self.fields = tuple(self._fields.values())
        for place, error in broken.items():
            x, y = place % across * wide, place // across * high
            reason = f"{images[place].name}: {error.reason}"
            self._corrupt.add(CorruptTile(0, y, x, wide - gap, high - gap, reason))
        self._across = across
        self._handle: PerThreadHandle[_Reads] = PerThreadHandle(
            partial(_reader, tuple(images), self._notes)
        )

    def _fill(self, image: NDArray[np.uint8], box: Box, level: int) -> None:
        stored, read = self.levels[level], self._handle.get()
        for piece in split_along_tiles(*box, stored):
            place = piece[1] // stored.tile_height * self._across + piece[0] // stored.tile_width
            if place not in self._fields:
                continue  # the last row need not be full
            field = self._fields[place]
            left, top = piece[:2]
            right, bottom = (
                min(piece[2], field.x + field.width),
                min(piece[3], field.y + field.height),
            )
            if left >= right or top >= bottom:
                continue
            pixels = read(place)
            if pixels.shape[:2] != (field.height, field.width):
                raise UnreadableTileError(f"{field.name}: not of the size that its header promises")
            target = image[top - box[1] : bottom - box[1], left - box[0] : right - box[0]]
            target[:] = pixels[top - field.y : bottom - field.y, left - field.x : right - field.x]


def _all_sides(
    images: Sequence[FieldImage],
) -> tuple[dict[int, tuple[int, int]], dict[int, ImageError]]:
    """Width and height by place, and for the others why there are none."""
    sides, broken = {}, {}
    for place, image in enumerate(images):
        try:
            sides[place] = _sides(image)
        except ImageError as error:
            broken[place] = error
    return sides, broken


def _sides(image: FieldImage) -> tuple[int, int]:
    """Width and height; of a file from the header alone."""
    if isinstance(image, Path):
        return image_size(image)
    return image.pixels.shape[1], image.pixels.shape[0]


def _own_pixel_size(images: Sequence[FieldImage]) -> float | None:
    """The pixel size on which all images agree; None where one does not say it.

    Raises:
        InputError: they differ by more than 1 %.
    """
    first: float | None = None
    for path in images:
        if not isinstance(path, Path):
            return None  # pixels alone say nothing
        try:
            if path.stat().st_size == 0:
                continue
            with path.open("rb") as stream:
                if file_format(stream.read(HEAD_BYTES)) != "TIFF":
                    return None
            own = side_of_pixel(path, find_levels(path, read_directories(path).directories))
        except OSError:
            continue  # told with the damaged images
        if own is None:
            return None
        if first is not None and abs(own / first - 1) > 0.01:
            raise InputError(
                f"{path}: says its pixels are {own:g} µm wide, those of {images[0].name} are "
                f"{first:g} µm; give `microns_per_pixel`, or take the fields apart"
            )
        first = own if first is None else first
    return first


class _Reads(Protocol):
    def __call__(self, place: int) -> NDArray[np.uint8]: ...


def _reader(images: tuple[FieldImage, ...], notes: dict[int, str | None]) -> _Reads:
    """Reads images by place, and keeps the last one: its regions are asked for in turn.

    What was converted goes into ``notes``, by place.
    """

    @lru_cache(1)
    def read(place: int) -> NDArray[np.uint8]:
        image = images[place]
        if isinstance(image, FieldPixels):
            return image.pixels
        try:
            data = read_bytes(image)
            require_sound_jpeg(data, str(image))
            decoded = decode_noted(data, str(image))
            notes[place] = decoded.note
            return decoded.pixels
        except ImageError as error:
            raise UnreadableTileError(f"{image.name}: {error.reason}") from None

    return read
