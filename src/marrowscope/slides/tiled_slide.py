"""Reading a rectangle of a slide that is stored in tiles, some of which may be unreadable."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.cells import note_counts
from marrowscope.slides.file_handles import CorruptTiles, PerThreadHandle
from marrowscope.slides.slide import (
    WHITE,
    CorruptTile,
    Field,
    Level,
    split_along_tiles,
    validate_region,
)

Box = tuple[int, int, int, int]  # left, top, right, bottom; px of one level


class UnreadableTileError(Exception):
    """The file could not give these pixels; the text is the reason in one line."""


class TiledReader(ABC):
    """What readers of whole slides share: borders, and going on without damaged tiles.

    A whole rectangle is asked for at once. Only when that fails it is asked for tile by tile, so
    that the damaged ones are known by their place; these are white.
    """

    fields: tuple[Field, ...] = ()
    remark: str | None = None
    unwritten: int = 0  # tiles of the finest level, white because nothing was scanned there
    passed_over: str | None = None  # files in its folder that are no image, by number and ending
    _handle: PerThreadHandle[Any]

    def __init__(self, name: str, levels: tuple[Level, ...], microns_per_pixel: float) -> None:
        self.name = name
        self.levels = levels
        self.microns_per_pixel = microns_per_pixel
        self._corrupt = CorruptTiles()
        self._notes: dict[int, str | None] = {}  # of what was read so far, by its place

    def close(self) -> None:
        """Close this thread's file; the next reading opens it again."""
        self._handle.drop()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of level 0 in px."""
        return self.levels[0].width, self.levels[0].height

    @property
    def reading_remarks(self) -> tuple[str, ...]:
        """What was converted so far, a line for every kind, and what was passed over."""
        what = "field" if self.fields else "slide"
        told = tuple(
            f"{number} {what}{'s' if number != 1 else ''}: {kind} on reading"
            for kind, number in note_counts(list(self._notes.values()))
        )
        if self.unwritten and not self.fields:
            told = (*told, f"{self.unwritten} tiles of the slide were never written and are white")
        return (*told, self.passed_over) if self.passed_over else told

    @property
    def corrupt(self) -> tuple[CorruptTile, ...]:
        """What this process could not read so far."""
        return self._corrupt.listed()

    def read_region(
        self, x: int, y: int, width: int, height: int, level: int = 0
    ) -> NDArray[np.uint8]:
        """Pixels of a rectangle; see ``Slide``."""
        stored = validate_region(self.name, self.levels, width, height, level)
        image = np.full((height, width, 3), WHITE, np.uint8)
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, stored.width), min(y + height, stored.height)
        if right <= left or bottom <= top:
            return image
        inside = image[top - y : bottom - y, left - x : right - x]
        tiles = list(split_along_tiles(left, top, right, bottom, stored))
        if not any(self._corrupt.has(level, *self._corner(box, level)) for box in tiles):
            try:
                self._fill(inside, (left, top, right, bottom), level)
                return image
            except UnreadableTileError:
                pass
        for box in tiles:
            part = inside[box[1] - top : box[3] - top, box[0] - left : box[2] - left]
            self._fill_or_report(part, box, level)
        return image

    @abstractmethod
    def _fill(self, image: NDArray[np.uint8], box: Box, level: int) -> None:
        """Write the pixels of a box inside of a level into ``image``.

        Raises:
            UnreadableError: any of them cannot be read.
        """

    def _fill_or_report(self, image: NDArray[np.uint8], box: Box, level: int) -> None:
        x, y = self._corner(box, level)
        if self._corrupt.has(level, x, y):
            return
        try:
            self._fill(image, box, level)
        except UnreadableTileError as error:
            image[:] = WHITE
            stored, down = self.levels[level], self.levels[level].downsample
            width = min(round(stored.tile_width * down), self.size[0] - x)
            height = min(round(stored.tile_height * down), self.size[1] - y)
            self._corrupt.add(CorruptTile(level, y, x, width, height, str(error)))

    def _corner(self, box: Box, level: int) -> tuple[int, int]:
        """Where the tile in which a box begins has its corner, in px of level 0."""
        stored = self.levels[level]
        x = box[0] // stored.tile_width * stored.tile_width
        y = box[1] // stored.tile_height * stored.tile_height
        return round(x * stored.downsample), round(y * stored.downsample)
