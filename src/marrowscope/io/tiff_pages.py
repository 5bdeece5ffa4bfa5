"""A TIFF in memory goes in, its pages come out, and the same file with another page in front."""

import struct
from collections.abc import Iterator
from mmap import mmap

from marrowscope.io.tiff_chain import (
    BeyondEndError,
    ChainRules,
    CircularChainError,
    MemorySource,
    TiffDamageError,
    read_chain,
)
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import (
    BITS,
    COMPRESSION,
    DESCRIPTION,
    DNG_VERSION,
    EXTRA_SAMPLES,
    FILL_ORDER,
    HEIGHT,
    IMAGEJ_COUNTS,
    IMAGEJ_METADATA,
    LARGEST,
    LARGEST_SAMPLE,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    PROFILE,
    ROWS_PER_STRIP,
    SAMPLE_FORMAT,
    SAMPLES,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    SUB_DIRECTORIES,
    SUBFILE_TYPE,
    TILE_HEIGHT,
    TILE_LENGTHS,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
    YCBCR_SUBSAMPLING,
)

_RULES = ChainRules(
    frozenset(
        {
            *(SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, DESCRIPTION),
            *(STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_LENGTHS, LARGEST, PLANAR),
            *(PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS, SUB_DIRECTORIES),
            *(EXTRA_SAMPLES, SAMPLE_FORMAT, LARGEST_SAMPLE, YCBCR_SUBSAMPLING, PROFILE),
            *(IMAGEJ_COUNTS, IMAGEJ_METADATA, DNG_VERSION),
        }
    )
)


class CutOffError(ValueError):
    """A directory lies, wholly or in part, beyond the end of the file, or is no directory."""


def read_pages(data: bytes | mmap) -> Iterator[TiffDirectory]:
    """The pages one by one, in the order in which they hang together; thumbnails included.

    Args:
        data: a TIFF; anything that can be indexed like bytes.

    Raises:
        CutOffError: a directory is not there.
    """
    try:
        yield from read_chain(MemorySource(data), _RULES)
    except CircularChainError:  # all of them were there
        return
    except BeyondEndError as error:
        raise CutOffError("truncated: a TIFF directory lies beyond the end of the file") from error
    except TiffDamageError as error:
        raise CutOffError(f"damaged TIFF: {error}") from error


def first_page_at(data: bytes, page: TiffDirectory) -> bytes:
    """The same file with another page in front, for readers that take the first one."""
    start, code = (8, "Q") if b"+" in data[2:4] else (4, "I")
    place = struct.pack(page.order + code, page.place)
    end = start + len(place)
    return data if data[start:end] == place else data[:start] + place + data[end:]
