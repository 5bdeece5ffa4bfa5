"""What every reader of slides and fields offers, and how regions are read through it.

A slide is described by facts (levels, pixel size) that travel between processes; the file behind
it is opened by each thread and process for itself, when it first reads. Positions are pixels of
level 0, the finest, with (0, 0) at the top left. What lies outside of the slide is white.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.image_file import MAX_PIXELS
from marrowscope.preprocessing import is_pixel_size, require_pixel_size, resize

WHITE = 255
MAX_SIDE = 2_000_000  # px; 25 mm at 0.0125 µm/px: headers that promise more are damaged
_STRIP_PIXELS = 16_000_000  # what is held at once while a slide without small levels is shrunk


@dataclass(frozen=True)
class Level:
    """One resolution of the pyramid: its size in its own px, and how many px of level 0 one spans.

    ``tile_width`` and ``tile_height`` are how the file stores it, in its own px.
    """

    width: int
    height: int
    downsample: float
    tile_width: int = 1024
    tile_height: int = 1024


@dataclass(frozen=True)
class Field:
    """One field image and where it lies among the others, in px of level 0."""

    name: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, order=True)
class CorruptTile:
    """A piece that could not be read: place and size in px of level 0, and why."""

    level: int
    y: int
    x: int
    width: int
    height: int
    reason: str

    def __str__(self) -> str:
        place = f"x {self.x}, y {self.y} px, {self.width}×{self.height} px"
        return f"unreadable at {place} (level {self.level}): {self.reason}"


class Slide(Protocol):
    """A whole-slide image, or fields as a camera took them. Can be pickled and forked."""

    @property
    def name(self) -> str:
        """Its path as given."""

    @property
    def levels(self) -> tuple[Level, ...]:
        """From the finest to the coarsest; at least one."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of level 0 in px."""

    @property
    def microns_per_pixel(self) -> float:
        """Pixel size of level 0 in µm."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The field images side by side; empty for a whole slide, whose fields are planned."""

    @property
    def remark(self) -> str | None:
        """One line where it was taken for something else than its container suggests."""

    @property
    def passed_over(self) -> str | None:
        """How many files in its folder are no image, and their endings; None without any."""

    @property
    def reading_remarks(self) -> tuple[str, ...]:
        """What was converted so far, a line for every kind, and what was passed over."""

    @property
    def corrupt(self) -> tuple[CorruptTile, ...]:
        """What this process could not read so far, each place once, in order."""

    def read_region(
        self, x: int, y: int, width: int, height: int, level: int = 0
    ) -> NDArray[np.uint8]:
        """Pixels of a rectangle, (height, width, 3) uint8 RGB.

        Args:
            x: left edge in px **of that level**; may lie outside, like all the rectangle.
            y: upper edge, the same.
            width: in px of that level, 1 or more.
            height: the same.
            level: index into ``levels``.

        Raises:
            InputError: no such level, an empty rectangle, or one of more than 64 megapixels.
        """


def validate_region(
    slide_name: str, levels: tuple[Level, ...], width: int, height: int, level: int
) -> Level:
    """The level of a request that can be met.

    Raises:
        InputError: no such level, an empty rectangle, or one of more than 64 megapixels.
    """
    if not 0 <= level < len(levels):
        raise InputError(f"{slide_name}: has no level {level}, only 0 to {len(levels) - 1}")
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise InputError(
            f"{slide_name}: a region of {width}×{height} px was asked for; "
            "read 1 to 64 megapixels at once"
        )
    return levels[level]


def resolve_pixel_size(name: str, given: float | None, own: float | None) -> float:
    """The pixel size to use in µm: the given one, else the file's own.

    Raises:
        InputError: neither is there, or it is not between 0.005 and 10.
    """
    if given is not None:
        return require_pixel_size(given)
    advice = "give `microns_per_pixel` (0.08625 for a 3.45 µm camera pixel behind a 40× objective)"
    if own is None:
        raise InputError(f"{name}: does not say its pixel size; {advice}")
    if not is_pixel_size(own):
        raise InputError(
            f"{name}: says its pixels are {own:g} µm wide, which cannot be right; {advice}"
        )
    return float(own)


def square_pixel_size(path: Path, across: float, along: float) -> float:
    """Side of a pixel in µm, from width and height; their geometric mean.

    Raises:
        InputError: they differ by more than 5 %.
    """
    if not (across > 0 and along > 0):
        return across if not across > 0 else along  # for resolve_pixel_size to refuse
    if abs(math.log(across / along)) > math.log(1.05):
        raise InputError(
            f"{path}: its pixels are {across:g} µm wide and {along:g} µm high; "
            "export it with square ones, or give `microns_per_pixel`"
        )
    return math.sqrt(across * along)


def read_scaled(
    slide: Slide, x: int, y: int, width: int, height: int, microns_per_pixel: float
) -> NDArray[np.uint8]:
    """A rectangle of level 0 at another pixel size, from the level that is next finer.

    Args:
        slide: read through its own handle.
        x: left edge, in px of level 0.
        y: upper edge.
        width: in px of level 0.
        height: the same.
        microns_per_pixel: wanted; finer than the slide means that it is enlarged.

    Returns:
        (H, W, 3) uint8 RGB with H and W rounded to whole px.
    """
    scale = slide.microns_per_pixel / microns_per_pixel
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    index = best_level_for(slide, microns_per_pixel)
    down = slide.levels[index].downsample
    left, top = round(x / down), round(y / down)
    right = max(left + 1, round((x + width) / down))
    bottom = max(top + 1, round((y + height) / down))
    if (right - left) * (bottom - top) <= _STRIP_PIXELS:
        image = slide.read_region(left, top, right - left, bottom - top, index)
        return resize(image, rows, columns)
    return _in_pieces(slide, index, (left, top, right, bottom), rows, columns)


def read_overview(slide: Slide, microns_per_pixel: float) -> NDArray[np.uint8]:
    """The whole slide at a low power, (H, W, 3) uint8 RGB; memory does not grow with level 0."""
    return read_scaled(slide, 0, 0, *slide.size, microns_per_pixel)


def best_level_for(slide: Slide, microns_per_pixel: float) -> int:
    """The coarsest level that is at least as fine as this; the finest if none is."""
    # 1 % of slack: a pyramid of nominally 2× levels has 1.998× ones where sides are odd.
    wanted = 1.01 * microns_per_pixel / slide.microns_per_pixel
    fitting = [index for index, level in enumerate(slide.levels) if level.downsample <= wanted]
    return fitting[-1] if fitting else 0


def split_along_tiles(
    left: int, top: int, right: int, bottom: int, level: Level
) -> Iterator[tuple[int, int, int, int]]:
    """A rectangle cut along the tiles of the file: (left, top, right, bottom), row by row."""
    wide, high = level.tile_width, level.tile_height
    for row in range(top // high, -(-bottom // high)):
        for column in range(left // wide, -(-right // wide)):
            yield (
                max(left, column * wide),
                max(top, row * high),
                min(right, (column + 1) * wide),
                min(bottom, (row + 1) * high),
            )


def _in_pieces(
    slide: Slide, index: int, box: tuple[int, int, int, int], rows: int, columns: int
) -> NDArray[np.uint8]:
    """Shrink a rectangle too large to be held, block by block of the result."""
    left, top, right, bottom = box
    result = np.full((rows, columns, 3), WHITE, np.uint8)
    across, down = (right - left) / columns, (bottom - top) / rows
    side = max(1, math.floor(math.sqrt(_STRIP_PIXELS / (across * down))))
    for row in range(0, rows, side):
        for column in range(0, columns, side):
            high, wide = min(side, rows - row), min(side, columns - column)
            x0, x1 = (round(left + place * across) for place in (column, column + wide))
            y0, y1 = (round(top + place * down) for place in (row, row + high))
            piece = slide.read_region(x0, y0, max(1, x1 - x0), max(1, y1 - y0), index)
            result[row : row + high, column : column + wide] = resize(piece, high, wide)
    return result
