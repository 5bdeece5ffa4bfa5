"""Where the tiles of a slide lie in its TIFF, so that their bytes can be looked at.

OpenSlide shows tiles that were never written as white, and what damage in a JPEG leaves as if it
were the slide. Levels that are not simply the tiles of one directory are not judged.
"""

from functools import partial
from pathlib import Path
from typing import BinaryIO

from marrowscope.errors import InputError
from marrowscope.io.piece_damage import damage_of_piece, is_nearly_all_zero
from marrowscope.io.tiff_compressions import NONE
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import COMPRESSION, JPEG_TABLES
from marrowscope.slides.file_handles import PerThreadHandle
from marrowscope.slides.slide import Level
from marrowscope.slides.tiff_structure import read_directories

UNWRITTEN = "it was never written"
NOWHERE = "the directory does not say where it lies"


class StoredTiles:
    """The tiles of all levels, as they lie in the file."""

    def __init__(self, path: Path, levels: tuple[Level, ...]) -> None:
        """Find the directory of each level; none where the file is no TIFF."""
        self._directories = _directories(path, levels)
        self._file: PerThreadHandle[BinaryIO] = PerThreadHandle(partial(_opened, str(path)))
        self._known: dict[tuple[int, int, int], str | None] = {}

    @property
    def unwritten(self) -> int:
        """How many tiles of the finest level were never written."""
        finest = self._directories[0] if self._directories else None
        return 0 if finest is None else int((finest.lengths == 0).sum())

    def damage(self, level: int, column: int, row: int) -> str | None:
        """What is wrong with a tile, or None; looked at once.

        Args:
            level: index.
            column: of the tile in its level.
            row: the same.
        """
        place = level, column, row
        if place not in self._known:
            self._known[place] = self._looked_at(*place)
        return self._known[place]

    def _looked_at(self, level: int, column: int, row: int) -> str | None:
        directory = self._directories[level]
        if directory is None:
            return None
        number = row * -(-directory.width // directory.piece[0]) + column
        if number >= min(len(directory.offsets), len(directory.lengths)):
            return None
        start, length = int(directory.offsets[number]), int(directory.lengths[number])
        if not length:
            return UNWRITTEN
        if not start:
            return NOWHERE
        try:
            stream = self._file.get()
            stream.seek(start)
            data = stream.read(length)
        except (OSError, ValueError, OverflowError):  # OpenSlide says it in its words
            return None
        return damage_of_tile(data, directory.number(COMPRESSION, NONE), directory.raw(JPEG_TABLES))


def damage_of_tile(data: bytes, compression: int, tables: bytes) -> str | None:
    """What is wrong with a tile that decoders would pass over, or None."""
    if compression == NONE and is_nearly_all_zero(data):
        return "it holds zeros, as after an interrupted copy"
    return damage_of_piece(data, compression, tables)


def _opened(path: str) -> BinaryIO:
    return Path(path).open("rb")


def _directories(path: Path, levels: tuple[Level, ...]) -> tuple[TiffDirectory | None, ...]:
    try:
        found = read_directories(path).directories
    except (InputError, OSError):
        return (None,) * len(levels)
    tiled = {(one.width, one.height, *one.piece): one for one in reversed(found) if one.tiled}
    return tuple(
        tiled.get((one.width, one.height, one.tile_width, one.tile_height)) for one in levels
    )
