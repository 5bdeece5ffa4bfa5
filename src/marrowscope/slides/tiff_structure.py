"""The directories of a TIFF slide: a path goes in, what they say comes out, if it can be true.

``marrowscope.io.tiff_chain`` reads them under limits; here each is compared with the size of the
file before anything is reserved for its picture.
"""

import os
import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.io.tiff_chain import ChainRules, FileSource, TiffDamageError, read_chain
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import (
    BITS,
    COMPRESSION,
    DESCRIPTION,
    HAMAMATSU,
    HEIGHT,
    JPEG_TABLES,
    PHOTOMETRIC,
    PLANAR,
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
)

_MOST_PIXELS_PER_BYTE = 20_000  # empty tiles in the best compression stay below
_OLD_JPEG = 6  # compression of TIFF 6.0, section 22, long withdrawn
# A value of these that lies beyond the end means that the file is damaged; others are left alone.
_NEEDED = frozenset(
    {
        *(SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, STRIP_OFFSETS),
        *(SAMPLES, ROWS_PER_STRIP, STRIP_LENGTHS, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS),
        *(TILE_LENGTHS, SUB_DIRECTORIES, SAMPLE_FORMAT, JPEG_TABLES),
    }
)


@dataclass(frozen=True)
class TiffStructure:
    """What was found in a TIFF.

    Attributes:
        directories: in the order of their chain, each with its sub-directories; at least one.
        fault: why the chain ends before its end; None where it is sound. Further pages of a photo
            may be damaged and the photo not.
    """

    directories: tuple[TiffDirectory, ...]
    fault: str | None = None


def read_directories(path: Path) -> TiffStructure:
    """The directories of a TIFF.

    Raises:
        InputError: it is no TIFF, or the first directory is damaged: it or a value of it lies
            beyond the end, or it promises more pixels than the file can hold.
        OSError: it cannot be read.
    """
    found: list[TiffDirectory] = []
    with path.open("rb") as stream:
        source = FileSource(stream, os.fstat(stream.fileno()).st_size)
        rules = ChainRules(
            _NEEDED,
            partial(_require_sound, source.size),
            children=True,
            last=frozenset({HAMAMATSU}),
        )
        try:
            for directory in read_chain(source, rules):
                found.append(directory)  # noqa: PERF402  what was read before a fault stays
        except (TiffDamageError, struct.error) as error:
            fault = str(error) if isinstance(error, TiffDamageError) else "a directory is cut off"
            if not found:
                raise InputError(f"{path}: a damaged or cut-off TIFF ({fault})") from None
            return TiffStructure(tuple(found), fault)
    return TiffStructure(tuple(found))


def _require_sound(size: int, directory: TiffDirectory) -> None:
    """Refuse a picture that cannot be in this file."""
    wide, high = directory.width, directory.height
    if not wide and not high and not len(directory.offsets):
        return  # no picture but facts, as EXIF and some scanners have it
    if wide < 1 or high < 1:
        raise TiffDamageError(f"a picture of {wide}×{high} px")
    if wide * high > _MOST_PIXELS_PER_BYTE * size:
        raise TiffDamageError(f"{wide}×{high} px cannot lie in {size} bytes")
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
    if int(directory.lengths.max(initial=0)) > size:
        raise TiffDamageError("a piece is longer than the file")
