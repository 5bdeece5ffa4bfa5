"""The directories of a TIFF, read under limits: a path goes in, what its directories say comes out.

Nothing that a file says of itself is believed before it is compared with the length of the file:
each directory is visited once, their number and the number of their entries are bounded, and no
value is read that is longer than what is left of the file. So a damaged or hostile file costs no
more time and memory than a sound one.

Layouts: TIFF 6.0 (Aldus 1992), BigTIFF (libtiff); sub-directories: Adobe TIFF Technical Note 1.
"""

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError

MAX_DIRECTORIES = 20_000
_MAX_ENTRIES = 4_096  # in one directory; some scanners write a hundred
_MAX_TEXT = 64_000_000  # bytes; descriptions of OME-TIFF are the longest
_MOST_PIXELS_PER_BYTE = 20_000  # empty tiles in the best compression stay below
# Bytes of one value, by TIFF type.
_TYPE_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}  # TIFF type → NumPy
_RATIONAL, _ASCII = 5, 2
_OLD_JPEG = 6  # compression of TIFF 6.0, section 22, long withdrawn

SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
DESCRIPTION, STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP = 270, 273, 274, 277, 278
STRIP_LENGTHS, PROFILE = 279, 34675
X_RESOLUTION, Y_RESOLUTION, PLANAR, RESOLUTION_UNIT = 282, 283, 284, 296
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS, SUB_DIRECTORIES = 322, 323, 324, 325, 330
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, HAMAMATSU = 338, 339, 347, 65420
# A value of these that lies beyond the end means that the file is damaged; others are left alone.
_NEEDED = {
    SUBFILE_TYPE,
    WIDTH,
    HEIGHT,
    BITS,
    COMPRESSION,
    PHOTOMETRIC,
    DESCRIPTION,
    STRIP_OFFSETS,
    SAMPLES,
    ROWS_PER_STRIP,
    STRIP_LENGTHS,
    PLANAR,
    TILE_WIDTH,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_LENGTHS,
    SUB_DIRECTORIES,
    SAMPLE_FORMAT,
    JPEG_TABLES,
}


class TiffDamageError(Exception):
    """What is wrong with the directories, in a few words."""


@dataclass(frozen=True)
class _Layout:
    """Byte order, and how wide places are: classic, or BigTIFF."""

    order: str
    big: bool

    @property
    def word(self) -> str:
        return self.order + ("Q" if self.big else "I")


@dataclass(frozen=True)
class Directory:
    """One picture of a TIFF, as its directory says.

    Attributes:
        values: the content of every tag that could be read, by tag: its type and bytes in the
            byte order of the file.
        order: of the bytes, ``<`` or ``>``.
        children: the sub-directories, as a rule the coarser levels of the same picture.
    """

    values: dict[int, tuple[int, bytes]]
    order: str
    children: tuple["Directory", ...] = field(default=(), repr=False)

    def numbers(self, tag: int) -> NDArray[np.uint64]:
        """Whole numbers of a tag; none where it is absent or holds no numbers."""
        kind, data = self.values.get(tag, (0, b""))
        if kind not in _NUMBERS:
            return np.zeros(0, np.uint64)
        return np.frombuffer(data, self.order + _NUMBERS[kind]).astype(np.uint64)

    def number(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        found = self.numbers(tag)
        return int(found[0]) if len(found) else default

    def ratio(self, tag: int) -> float:
        """The first fraction of a tag; nan where there is none."""
        kind, data = self.values.get(tag, (0, b""))
        if kind != _RATIONAL or len(data) < 8:
            return math.nan
        above, below = struct.unpack_from(self.order + "II", data)
        return above / below if below else math.nan

    @cached_property
    def description(self) -> str:
        """The text that the writer left."""
        kind, data = self.values.get(DESCRIPTION, (0, b""))
        return data.split(b"\0", 1)[0].decode("utf-8", "replace") if kind == _ASCII else ""

    @property
    def width(self) -> int:
        """In px; 0 where it is not said."""
        return self.number(WIDTH, 0)

    @property
    def height(self) -> int:
        """In px; 0 where it is not said."""
        return self.number(HEIGHT, 0)

    @property
    def samples(self) -> int:
        """Values per pixel."""
        return self.number(SAMPLES, 1)

    @property
    def bits(self) -> tuple[int, ...]:
        """Of each of the values of a pixel."""
        return tuple(int(one) for one in self.numbers(BITS)) or (1,)

    @property
    def planes(self) -> int:
        """1, or one for each value of a pixel where they lie apart."""
        return self.samples if self.number(PLANAR, 1) == 2 and self.samples > 1 else 1

    @property
    def tiled(self) -> bool:
        """Stored in tiles, not in strips."""
        return TILE_WIDTH in self.values or TILE_OFFSETS in self.values

    @property
    def piece(self) -> tuple[int, int]:
        """Width and height of its tiles, or of its strips, in px."""
        if self.tiled:
            return self.number(TILE_WIDTH, 0), self.number(TILE_HEIGHT, 0)
        return self.width, min(self.number(ROWS_PER_STRIP, 2**32), self.height)

    @property
    def offsets(self) -> NDArray[np.uint64]:
        """Where its tiles or strips begin in the file."""
        return self.numbers(TILE_OFFSETS if self.tiled else STRIP_OFFSETS)

    @property
    def lengths(self) -> NDArray[np.uint64]:
        """Bytes of its tiles or strips."""
        return self.numbers(TILE_LENGTHS if self.tiled else STRIP_LENGTHS)


@dataclass(frozen=True)
class TiffStructure:
    """What was found in a TIFF.

    Attributes:
        directories: in the order of their chain, each with its sub-directories; at least one.
        fault: why the chain ends before its end; None where it is sound. Further pages of a photo
            may be damaged and the photo not.
    """

    directories: tuple[Directory, ...]
    fault: str | None = None


def read_directories(path: Path) -> TiffStructure:
    """The directories of a TIFF.

    Raises:
        InputError: it is no TIFF, or the first directory is damaged: it or a value of it lies
            beyond the end, or it promises more pixels than the file can hold.
        OSError: it cannot be read.
    """
    found: list[Directory] = []
    with path.open("rb") as stream:
        try:
            for directory in _Reader(stream, os.fstat(stream.fileno()).st_size).chain():
                found.append(directory)  # noqa: PERF402  what was read before a fault stays
        except (TiffDamageError, struct.error) as error:
            fault = str(error) if isinstance(error, TiffDamageError) else "a directory is cut off"
            if not found:
                raise InputError(f"{path}: a damaged or cut-off TIFF ({fault})") from None
            return TiffStructure(tuple(found), fault)
    return TiffStructure(tuple(found))


class _Reader:
    """Walks the directories of one open file."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size
        self._seen: set[int] = set()
        self._left = 4 * size + 1_000_000  # bytes that may be read; values may be shared
        head = self._bytes(0, min(16, size))
        if head[:2] not in (b"II", b"MM") or len(head) < 8:
            raise TiffDamageError("no header")
        order = "<" if head[:2] == b"II" else ">"
        (version,) = struct.unpack_from(order + "H", head, 2)
        if version not in (42, 43):
            raise TiffDamageError(f"version {version}")
        self._layout = _Layout(order, version == 43)
        # Beyond 4 GB scanners of Hamamatsu write a classic TIFF with places of eight bytes.
        wide = version == 43 or size > 2**32
        self._first: int = struct.unpack_from(
            order + ("Q" if wide else "I"), head.ljust(16, b"\0"), 8 if version == 43 else 4
        )[0]

    def chain(self) -> Iterator[Directory]:
        """Directory after directory, each of them sound."""
        place = self._first
        if not place:
            raise TiffDamageError("no picture in it")
        while place:
            directory, place = self._directory(place, depth=0)
            yield directory
            if HAMAMATSU in directory.values:
                return  # places are written in a way of its own; OpenSlide knows it

    def _directory(self, place: int, depth: int) -> tuple[Directory, int]:
        if place in self._seen:
            raise TiffDamageError("its directories go round in a circle")
        if len(self._seen) >= MAX_DIRECTORIES:
            raise TiffDamageError(f"more than {MAX_DIRECTORIES} directories")
        self._seen.add(place)
        layout = self._layout
        head, entry = ("Q", "HHQ") if layout.big else ("H", "HHI")
        size, room = (20, 8) if layout.big else (12, 4)
        (count,) = struct.unpack(
            layout.order + head, self._bytes(place, struct.calcsize("<" + head))
        )
        if not 0 < count <= _MAX_ENTRIES:
            raise TiffDamageError(f"a directory of {count} entries")
        start = place + struct.calcsize("<" + head)
        table = self._bytes(start, count * size + room)
        values: dict[int, tuple[int, bytes]] = {}
        for at in range(0, count * size, size):
            tag, kind, length = struct.unpack_from(layout.order + entry, table, at)
            data = self._value(tag, kind, length, table[at + size - room : at + size])
            if data is not None and tag not in values:
                values[tag] = kind, data
        (following,) = struct.unpack_from(layout.word, table, count * size)
        directory = Directory(values, layout.order)
        if HAMAMATSU in values:
            return directory, 0
        self._require_sound(directory)
        # A level of a pyramid has no pyramid of its own.
        below = directory.numbers(SUB_DIRECTORIES).tolist() if depth == 0 else []
        children = tuple(self._directory(child, depth + 1)[0] for child in below if child)
        return Directory(values, layout.order, children), following

    def _value(self, tag: int, kind: int, length: int, inside: bytes) -> bytes | None:
        """Bytes of one entry; None where they need not be known."""
        if kind not in _TYPE_SIZES:
            return None  # readers pass over types that they do not know (TIFF 6.0, p. 16)
        bytes_needed = length * _TYPE_SIZES[kind]
        if bytes_needed <= len(inside):
            return inside[:bytes_needed]
        (place,) = struct.unpack(self._layout.word, inside)
        if tag not in _NEEDED and bytes_needed > 1_000:
            return b"" if tag == PROFILE else None  # that there is one is all that is asked
        if place + bytes_needed > self._size or (tag == DESCRIPTION and bytes_needed > _MAX_TEXT):
            if tag in _NEEDED:
                raise TiffDamageError(f"tag {tag} would reach beyond the end of the file")
            return None
        return self._bytes(place, bytes_needed)

    def _bytes(self, place: int, length: int) -> bytes:
        if place + length > self._size:
            raise TiffDamageError("a directory lies beyond the end of the file")
        self._left -= length
        if self._left < 0:
            raise TiffDamageError("its values lie on top of each other")
        self._stream.seek(place)
        data = self._stream.read(length)
        if len(data) < length:
            raise TiffDamageError("the file became shorter while it was read")
        return data

    def _require_sound(self, directory: Directory) -> None:
        """Refuse a picture that cannot be in this file."""
        wide, high = directory.width, directory.height
        if not wide and not high and not len(directory.offsets):
            return  # no picture but facts, as EXIF and some scanners have it
        if wide < 1 or high < 1:
            raise TiffDamageError(f"a picture of {wide}×{high} px")
        if wide * high > _MOST_PIXELS_PER_BYTE * self._size:
            raise TiffDamageError(f"{wide}×{high} px cannot lie in {self._size} bytes")
        tile_wide, tile_high = directory.piece
        if tile_wide < 1 or tile_high < 1:
            raise TiffDamageError("no size of tiles")
        if not 1 <= directory.samples <= 1_000:
            raise TiffDamageError(f"{directory.samples} values per pixel")
        pieces = -(-wide // tile_wide) * -(-high // tile_high) * directory.planes
        # Old programs left out how long an only strip is, or wrote a JPEG in a way of their own.
        if directory.number(COMPRESSION, 1) == _OLD_JPEG:
            return
        listed = [len(directory.offsets)]
        if directory.tiled or pieces > 1 or len(directory.lengths):
            listed.append(len(directory.lengths))
        if min(listed) < pieces:
            raise TiffDamageError(f"it lists {min(listed)} of {pieces} tiles or strips")
        if int(directory.lengths.max(initial=0)) > self._size:
            raise TiffDamageError("a piece is longer than the file")
