"""A strip or tile of a TIFF goes in as it lies in the file; what its decoder passes over comes out.

libjpeg fills damaged places with whatever colours come out, and libtiff stops reading deflated data
before its checksum. Both can be asked to look.
"""

import zlib

import numpy as np
import simplejpeg

from marrowscope.io.tiff_compressions import DEFLATE, JPEG
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import COMPRESSION, JPEG_TABLES

# What libjpeg says of damage; other refusals are of kinds of JPEG that simplejpeg does not do.
_JPEG_DAMAGE = (
    "Corrupt JPEG data",
    "Premature end of JPEG",
    "Inconsistent progression",
    "Unsupported marker",
    "Bogus",
)
_AT_ONCE = 1 << 20  # bytes


def damage_of_piece(data: bytes, compression: int, tables: bytes = b"") -> str | None:
    """What is wrong with the bytes of a strip or tile, or None.

    Args:
        data: of one strip or tile.
        compression: by tag 259; only JPEG and deflate can be judged.
        tables: of JPEG, that all pieces of a picture share (tag 347).
    """
    if compression == JPEG:
        return _damage_of_jpeg(tables[:-2] + data[2:] if len(tables) > 4 else data)
    return _damage_of_deflate(data) if compression in DEFLATE else None


def damage_of_pieces(data: bytes, page: TiffDirectory) -> str | None:
    """The first damage in the strips or tiles of a picture, or None.

    Args:
        data: the file.
        page: one of its directories.
    """
    compression, tables = page.number(COMPRESSION, 1), page.raw(JPEG_TABLES)
    if compression != JPEG and compression not in DEFLATE:
        return None
    for start, length in zip(page.offsets.tolist(), page.lengths.tolist(), strict=False):
        found = damage_of_piece(data[start : start + length], compression, tables)
        if found is not None:
            return found
    return None


def _damage_of_jpeg(data: bytes) -> str | None:
    try:
        # At an eighth of the size: the whole stream is read, most of the transform is skipped.
        simplejpeg.decode_jpeg(data, "RGB", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        told = str(error)
        return f"damaged JPEG ({told})" if told.startswith(_JPEG_DAMAGE) else None
    return None


def _damage_of_deflate(data: bytes) -> str | None:
    stream, rest = zlib.decompressobj(), data
    try:
        while rest and not stream.eof:
            stream.decompress(rest, _AT_ONCE)
            rest = stream.unconsumed_tail
    except zlib.error as error:
        return f"damaged deflated data ({str(error).partition(': ')[2] or error})"
    return None if stream.eof else "deflated data that end too early"


def is_nearly_all_zero(data: bytes) -> bool:
    """Whether less than a hundredth is anything but zero, as where a copy was interrupted."""
    return 100 * int(np.count_nonzero(np.frombuffer(data, np.uint8))) < len(data)
