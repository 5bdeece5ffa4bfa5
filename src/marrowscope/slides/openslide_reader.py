"""Whole-slide images through OpenSlide: scanners' own formats, tiled TIFF, DICOM.

OpenSlide (Goode et al. 2013) reads Aperio, Hamamatsu, Leica, MIRAX, Philips, Sakura, Trestle,
Ventana, Zeiss, DICOM and generic tiled TIFF. After any error a handle of it is of no more use, so
it is opened again.
"""

from contextlib import suppress
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from openslide import OpenSlide, OpenSlideError

from marrowscope.errors import InputError
from marrowscope.io.image_file import MAX_PIXELS, one_line
from marrowscope.slides.file_handles import PerThreadHandle
from marrowscope.slides.slide import (
    MAX_SIDE,
    Level,
    resolve_pixel_size,
    split_along_tiles,
    square_pixel_size,
)
from marrowscope.slides.stored_tiles import UNWRITTEN, StoredTiles
from marrowscope.slides.tiled_slide import Box, TiledReader, UnreadableTileError

_DEFAULT_TILE = 512  # px; where a format does not say how it stores


class OpenSlideReader(TiledReader):
    """A slide in one of OpenSlide's formats."""

    def __init__(self, path: Path, microns_per_pixel: float | None = None) -> None:
        """Read the header.

        Raises:
            InputError: it cannot be opened, its sides are absurd, or it has no pixel size.
        """
        self._handle = PerThreadHandle(partial(_opened, str(path)))
        slide = self._handle.get()
        facts = _facts(slide)
        levels = tuple(
            _level(path, facts, index, size, down)
            for index, (size, down) in enumerate(
                zip(slide.level_dimensions, slide.level_downsamples, strict=True)
            )
        )
        if not levels or not all(0 < side <= MAX_SIDE for side in slide.dimensions):
            raise InputError(f"{path}: its header promises {slide.dimensions} px; it is damaged")
        own = _pixel_size(path, facts) if microns_per_pixel is None else None
        super().__init__(str(path), levels, resolve_pixel_size(str(path), microns_per_pixel, own))
        self._tiles = StoredTiles(path, levels)
        self.unwritten = self._tiles.unwritten

    def _fill(self, image: NDArray[np.uint8], box: Box, level: int) -> None:
        self._require_sound(box, level)
        down = self.levels[level].downsample
        place = (round(box[0] * down), round(box[1] * down))
        try:
            # OpenSlide's positions are of level 0, its sizes of the level.
            region = self._handle.get().read_region(
                place, level, (box[2] - box[0], box[3] - box[1])
            )
        except OpenSlideError as error:
            self._handle.drop()
            raise UnreadableTileError(one_line(error)) from None
        pixels = np.ascontiguousarray(region)
        together = np.bitwise_and.reduce(pixels.view(np.uint32), axis=None)
        if together.tobytes()[3] == 255:  # opaque throughout; quicker than the least of a channel
            image[:] = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)  # quicker than every fourth byte
        else:  # not scanned, or transparent: laid on white
            colour, weight = pixels[..., :3], pixels[..., 3:].astype(np.uint16)
            image[:] = (colour * weight + 255 * (255 - weight) + 127) // 255

    def _require_sound(self, box: Box, level: int) -> None:
        stored = self.levels[level]
        for left, top, _, _ in split_along_tiles(*box, stored):
            damage = self._tiles.damage(level, left // stored.tile_width, top // stored.tile_height)
            # A field is whole; of a slide, what holds nothing need not be scanned.
            if damage is not None and (damage != UNWRITTEN or self.fields):
                raise UnreadableTileError(damage)


def _opened(path: str) -> OpenSlide:
    try:
        return OpenSlide(path)
    except OpenSlideError as error:
        raise InputError(f"{path}: a damaged or cut-off slide ({one_line(error)})") from None


def _facts(slide: OpenSlide) -> dict[str, str]:
    """What is used of the properties; others may have names or values that are no text."""
    levels = (
        f"openslide.level[{index}].tile-{side}"
        for index in range(slide.level_count)
        for side in ("width", "height")
    )
    found = {}
    for name in (*levels, "openslide.mpp-x", "openslide.mpp-y"):
        with suppress(KeyError, UnicodeDecodeError):
            found[name] = str(slide.properties[name])
    return found


def _level(
    path: Path, facts: dict[str, str], index: int, size: tuple[int, int], down: float
) -> Level:
    wide, high = (
        int(text) if text.isdecimal() else _DEFAULT_TILE
        for text in (
            facts.get(f"openslide.level[{index}].tile-{side}", "") for side in ("width", "height")
        )
    )
    # For a damaged size OpenSlide asks for memory that nobody has, and ends the whole process.
    if not 0 < wide * high <= MAX_PIXELS:
        raise InputError(f"{path}: its header promises tiles of {wide}×{high} px; it is damaged")
    return Level(*size, float(down), wide, high)


def _pixel_size(path: Path, facts: dict[str, str]) -> float | None:
    """Side of a pixel in µm as the file says it.

    Raises:
        InputError: width and height differ by more than 5 %.
    """
    try:
        across, along = (float(facts[f"openslide.mpp-{axis}"]) for axis in "xy")
    except (KeyError, ValueError):
        return None
    return square_pixel_size(path, across, along)
