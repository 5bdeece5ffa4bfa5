"""One directory of a TIFF: the bytes of its tags go in, what they say of its picture comes out."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marrowscope.io.tiff_tags import (
    BITS,
    DESCRIPTION,
    HEIGHT,
    PLANAR,
    ROWS_PER_STRIP,
    SAMPLES,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    TILE_HEIGHT,
    TILE_LENGTHS,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
)

# TIFF type → NumPy.
_UNSIGNED = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_RATIONAL, _TEXT = 5, (1, 2, 7)
_LONG8 = 16


@dataclass(frozen=True)
class TiffDirectory:
    """One picture of a TIFF, as its directory says.

    Attributes:
        values: every tag whose type is known: its type and its bytes in the byte order of the file;
            no bytes where they were not read.
        order: of the bytes, ``<`` or ``>``.
        place: of the directory in the file, bytes.
        children: the sub-directories, as a rule the coarser levels of the same picture.
    """

    values: dict[int, tuple[int, bytes]] = field(repr=False)
    order: str
    place: int = 0
    children: tuple["TiffDirectory", ...] = field(default=(), repr=False)

    def numbers(self, tag: int) -> NDArray[np.uint64]:
        """Whole numbers of a tag; none where it is absent, or of a type with signs or fractions."""
        kind, data = self.values.get(tag, (0, b""))
        if kind not in _UNSIGNED:
            return np.zeros(0, np.uint64)
        return np.frombuffer(data, self.order + _UNSIGNED[kind]).astype(np.uint64)

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

    def raw(self, tag: int) -> bytes:
        """The bytes of a tag; none where it is absent."""
        return self.values.get(tag, (0, b""))[1]

    def with_numbers(self, tag: int, numbers: Sequence[int]) -> "TiffDirectory":
        """The same directory with other numbers in a tag."""
        data = np.asarray(numbers, self.order + "u8").tobytes()
        return replace(self, values={**self.values, tag: (_LONG8, data)})

    @cached_property
    def description(self) -> str:
        """The text that the writer left, in which OME and ImageJ say what they know."""
        kind, data = self.values.get(DESCRIPTION, (0, b""))
        return data.split(b"\0", 1)[0].decode("utf-8", "replace") if kind in _TEXT else ""

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
        """Values per pixel: 1 grey, 3 colour, more with transparency."""
        return self.number(SAMPLES, 1)

    @property
    def bits(self) -> tuple[int, ...]:
        """Of each of the values of a pixel."""
        return tuple(self.numbers(BITS).tolist()) or (1,)

    @property
    def depth(self) -> int:
        """Bits of a value; the largest where they differ."""
        return max(self.bits)

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
