"""Whether the bytes of a file are all there, from what its own header says about them.

Decoders of BMP, TIFF and WebP read what they need for the picture and look no further: a cut in
the padding of the last rows or in a tile's margin passes unseen, and a directory that sends them
to the wrong place gives a wrong picture. Bytes that are there and wrong cannot be
seen in BMP, WebP and uncompressed TIFF, for nothing in these formats tells (no checksum).

Layouts: RIFF container of WebP (RFC 9649); BITMAPFILEHEADER of BMP (Microsoft);
``tiff_chain`` for TIFF.
"""

import math

import numpy as np

from marrowscope.io.file_signatures import file_format
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_pages import CutOffError, read_pages
from marrowscope.io.tiff_tags import (
    BITS,
    COMPRESSION,
    SAMPLES,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    TILE_LENGTHS,
    TILE_OFFSETS,
)

_PLACES = ((STRIP_OFFSETS, STRIP_LENGTHS), (TILE_OFFSETS, TILE_LENGTHS))
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
        try:
            page = next(read_pages(data), None)
        except CutOffError as error:
            return str(error)
        return None if page is None else missing_in_page(data, page)
    return None


def is_later_page_truncated(data: bytes) -> bool:
    """Whether a TIFF lacks bytes of any of its pages."""
    if file_format(data) != "TIFF":
        return False
    try:
        return any(missing_in_page(data, page) is not None for page in read_pages(data))
    except CutOffError:
        return True


def missing_in_page(data: bytes, page: TiffDirectory) -> str | None:
    """One line about pixels of a page that are not there, or None.

    Args:
        data: the file.
        page: one of its directories.
    """
    for starts, counts in _PLACES:
        begin, length = (page.numbers(tag).astype(np.float64) for tag in (starts, counts))
        if len(begin) != len(length):
            continue
        end = float((begin + length).max(initial=0))
        if end > len(data):
            return f"truncated: pixels lie up to byte {end:.0f}, the file has {len(data)}"
        if page.number(COMPRESSION, 1) != _UNCOMPRESSED or not length.any():
            continue
        if length.sum() < _bytes_of_pixels(page):
            return "damaged: its pixels need more bytes than the directory gives them"
        order = np.argsort(begin, kind="stable")
        if ((begin + length)[order][:-1] > begin[order][1:]).any():
            return "damaged: parts of its pixels lie on top of each other"
    return None


def _shorter_than(promised: int, data: bytes) -> str | None:
    if promised <= len(data):
        return None
    return f"truncated: the header says {promised} bytes, the file has {len(data)}"


def _bytes_of_pixels(page: TiffDirectory) -> int:
    """The least that uncompressed pixels take; 0 where the directory does not say."""
    bits = page.number(BITS, 1)
    return page.height * math.ceil(page.width * page.number(SAMPLES, 1) * bits / 8)
