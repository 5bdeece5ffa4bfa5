"""Whether the bytes of a file are all there, from what its own header says about them.

Decoders of BMP, TIFF and WebP read what they need for the picture and look no further: a cut in
the padding of the last rows or in a tile's margin passes unseen, and a directory that sends them
to the wrong place gives a wrong picture. Bytes that are there and wrong cannot be
seen in BMP, WebP and uncompressed TIFF, for nothing in these formats tells (no checksum).

Layouts: TIFF 6.0 (Aldus 1992) and BigTIFF (libtiff); RIFF container of WebP (RFC 9649);
BITMAPFILEHEADER of BMP (Microsoft).
"""

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowscope.io.file_signatures import file_format

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_PLACES = ((273, 279), (324, 325))  # offsets and byte counts, of strips and of tiles
_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}  # TIFF type → NumPy
_UNCOMPRESSED = 1


def find_missing_bytes(data: bytes) -> str | None:
    """One line about bytes of the picture that are not there, or None; never raises.

    Args:
        data: a file; anything but BMP, TIFF and WebP gives None. Of a TIFF the first page counts.
    """
    kind = file_format(data)
    if kind == "BMP" and len(data) >= 6:
        return _shorter_than(int.from_bytes(data[2:6], "little"), data)
    if kind == "WEBP" and data[:4] == b"RIFF":
        return _shorter_than(int.from_bytes(data[4:8], "little") + 8, data)
    if kind == "TIFF":
        return _missing_in_tiff(data, whole=False)
    return None


def is_later_page_truncated(data: bytes) -> bool:
    """Whether a TIFF whose first page is there lacks bytes of another one."""
    return file_format(data) == "TIFF" and _missing_in_tiff(data, whole=True) is not None


def _shorter_than(promised: int, data: bytes) -> str | None:
    if promised <= len(data):
        return None
    return f"truncated: the header says {promised} bytes, the file has {len(data)}"


@dataclass(frozen=True)
class _Layout:
    """How numbers are written in one TIFF: byte order, classic or big."""

    order: str
    big: bool

    @property
    def word(self) -> str:
        return self.order + ("Q" if self.big else "I")


def _missing_in_tiff(data: bytes, whole: bool) -> str | None:
    """In the first page, or in the whole file."""
    layout = _Layout("<" if data[:2] == b"II" else ">", b"+" in data[2:4])
    seen: set[int] = set()
    try:
        (place,) = struct.unpack_from(layout.word, data, 8 if layout.big else 4)
        while place and place not in seen:  # damaged directories may go round in a circle
            tags, following = _directory(data, place, layout)
            reason = _missing_in_page(data, tags)
            if reason is not None or not whole:
                return reason
            seen.add(place)
            place = following
    except (struct.error, ValueError, OverflowError):  # a read beyond the end
        return "truncated: a TIFF directory lies beyond the end of the file"
    return None


def _directory(
    data: bytes, place: int, layout: _Layout
) -> tuple[dict[int, NDArray[np.uint64]], int]:
    """The numbers of the tags that matter, and where the next directory is (0: nowhere)."""
    head, entry = ("Q", "HHQ") if layout.big else ("H", "HHI")
    (count,) = struct.unpack_from(layout.order + head, data, place)
    place += struct.calcsize("<" + head)
    size, room = (20, 8) if layout.big else (12, 4)
    if place + count * size > len(data):
        raise ValueError("the directory is cut off")
    wanted = {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, *sum(_PLACES, ())}
    tags = {}
    for start in range(place, place + count * size, size):
        tag, kind, length = struct.unpack_from(layout.order + entry, data, start)
        if tag not in wanted or kind not in _NUMBERS or not length:
            continue
        number = np.dtype(layout.order + _NUMBERS[kind])
        values = start + size - room
        if length * number.itemsize > room:
            (values,) = struct.unpack_from(layout.word, data, values)
        tags[tag] = np.frombuffer(data, number, length, values).astype(np.uint64)
    (following,) = struct.unpack_from(layout.word, data, place + count * size)
    return tags, following


def _missing_in_page(data: bytes, tags: dict[int, NDArray[np.uint64]]) -> str | None:
    for starts, counts in _PLACES:
        if starts not in tags or counts not in tags or len(tags[starts]) != len(tags[counts]):
            continue
        begin, length = (tags[name].astype(np.float64) for name in (starts, counts))
        end = float((begin + length).max(initial=0))
        if end > len(data):
            return f"truncated: pixels lie up to byte {end:.0f}, the file has {len(data)}"
        if int(tags.get(_COMPRESSION, np.array([1]))[0]) != _UNCOMPRESSED or not length.any():
            continue
        if length.sum() < _bytes_of_pixels(tags):
            return "damaged: its pixels need more bytes than the directory gives them"
        order = np.argsort(begin, kind="stable")
        if ((begin + length)[order][:-1] > begin[order][1:]).any():
            return "damaged: parts of its pixels lie on top of each other"
    return None


def _bytes_of_pixels(tags: dict[int, NDArray[np.uint64]]) -> int:
    """The least that uncompressed pixels take; 0 where the directory does not say."""
    width, height = (int(tags[tag][0]) if tag in tags else 0 for tag in (_WIDTH, _HEIGHT))
    samples = int(tags[_SAMPLES][0]) if _SAMPLES in tags else 1
    bits = int(tags[_BITS][0]) if _BITS in tags else 1
    return height * math.ceil(width * samples * bits / 8)
