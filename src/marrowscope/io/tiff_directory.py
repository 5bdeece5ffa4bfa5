"""The directories of a TIFF: bytes go in, the tags of every page come out; no pixel is decoded.

Layouts: TIFF 6.0 (Aldus 1992) and BigTIFF (libtiff). Every place that a directory names is held
against the length of the file, and no directory is read twice.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

MAX_PAGES = 10_000

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = (
    254,
    256,
    257,
    258,
    259,
    262,
    266,
)
DESCRIPTION, STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP = 270, 273, 274, 277, 278
STRIP_COUNTS, LARGEST, PLANAR, PREDICTOR = 279, 281, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS, SUB_DIRECTORIES = 322, 323, 324, 325, 330
EXTRA_SAMPLES, SAMPLE_FORMAT, LARGEST_SAMPLE, YCBCR_SUBSAMPLING = 338, 339, 341, 530
PROFILE, IMAGEJ_COUNTS, IMAGEJ_METADATA, DNG_VERSION = 34675, 50838, 50839, 50706

_TYPES = {
    1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8",
    13: "u4", 16: "u8", 17: "i8", 18: "u8",
}  # fmt: skip
_WANTED = frozenset({
    SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, DESCRIPTION, STRIP_OFFSETS,
    ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, LARGEST, PLANAR, PREDICTOR, TILE_WIDTH,
    TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS, SUB_DIRECTORIES, EXTRA_SAMPLES, SAMPLE_FORMAT,
    LARGEST_SAMPLE, YCBCR_SUBSAMPLING, PROFILE, IMAGEJ_COUNTS, IMAGEJ_METADATA, DNG_VERSION,
})  # fmt: skip


@dataclass(frozen=True)
class TiffPage:
    """One directory.

    Attributes:
        place: of the directory in the file, bytes.
        order: ``<`` or ``>``, as NumPy spells byte orders.
        tags: numbers by tag, of those that this package needs; text as bytes.
    """

    place: int
    order: str
    tags: dict[int, NDArray[np.generic]] = field(repr=False)

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        return int(self.tags[tag][0]) if tag in self.tags else default

    def numbers(self, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """All values of a tag."""
        return tuple(int(value) for value in self.tags[tag]) if tag in self.tags else default

    @property
    def width(self) -> int:
        """In px; 0 where the directory does not say it."""
        return self.number(WIDTH, 0)

    @property
    def height(self) -> int:
        """In px; 0 where the directory does not say it."""
        return self.number(HEIGHT, 0)

    @property
    def samples(self) -> int:
        """Values of a pixel: 1 grey, 3 colour, more with transparency."""
        return self.number(SAMPLES, 1)

    @property
    def bits(self) -> int:
        """Of a value; the largest where they differ."""
        return max(self.numbers(BITS, (1,)))

    @property
    def description(self) -> str:
        """Free text, in which OME and ImageJ write what they know."""
        found = self.tags.get(DESCRIPTION)
        return "" if found is None else found.tobytes().rstrip(b"\0").decode("utf-8", "replace")


class CutOffError(ValueError):
    """A directory lies, wholly or in part, beyond the end of the file."""


def read_pages(data: bytes | mmap) -> Iterator[TiffPage]:
    """The pages one by one, in the order in which they hang together; thumbnails included.

    Args:
        data: a TIFF; anything that can be indexed like bytes.

    Raises:
        CutOffError: a directory is not there.
    """
    order, big = ("<" if data[:2] == b"II" else ">"), b"+" in data[2:4]
    word = order + ("Q" if big else "I")
    seen: set[int] = set()
    try:
        (place,) = struct.unpack_from(word, data, 8 if big else 4)
        while place and place not in seen and len(seen) < MAX_PAGES:  # damaged ones go in circles
            page, following = _page(data, place, order, big)
            yield page
            seen.add(place)
            place = following
    except (struct.error, ValueError, OverflowError) as error:  # a read beyond the end
        raise CutOffError("truncated: a TIFF directory lies beyond the end of the file") from error


def first_page_at(data: bytes, page: TiffPage) -> bytes:
    """The same file with another page in front, for readers that take the first one."""
    big = b"+" in data[2:4]
    start, code = (8, "Q") if big else (4, "I")
    place = struct.pack(page.order + code, page.place)
    return data if data[start : start + len(place)] == place else (
        data[:start] + place + data[start + len(place) :]
    )  # fmt: skip


def _page(data: bytes | mmap, place: int, order: str, big: bool) -> tuple[TiffPage, int]:
    """A directory, and where the next one is (0: nowhere)."""
    word = order + ("Q" if big else "I")
    head, entry = ("Q", "HHQ") if big else ("H", "HHI")
    (count,) = struct.unpack_from(order + head, data, place)
    start = place + struct.calcsize("<" + head)
    size, room = (20, 8) if big else (12, 4)
    if start + count * size > len(data):
        raise ValueError("the directory is cut off")
    tags: dict[int, NDArray[np.generic]] = {}
    for at in range(start, start + count * size, size):
        tag, kind, length = struct.unpack_from(order + entry, data, at)
        if tag not in _WANTED or kind not in _TYPES or not length:
            continue
        number = np.dtype(order + _TYPES[kind])
        values = at + size - room
        if length * number.itemsize > room:
            (values,) = struct.unpack_from(word, data, values)
        tags[tag] = np.frombuffer(data, number, length, values).copy()
    (following,) = struct.unpack_from(word, data, start + count * size)
    return TiffPage(place, order, tags), following
