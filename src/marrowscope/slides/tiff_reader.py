"""TIFF slides that OpenSlide does not take, or takes without their pyramid: OME-TIFF above all.

``tiff_structure`` reads the directories, ``tiff_levels`` finds the levels. Pixels are decoded
tile by tile: each is wrapped as a small TIFF of its own with the tags that its compression needs,
and goes the way of every other image (``marrowscope.io.image_decoding``), with its limits and its
conversions.
"""

import struct
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode
from marrowscope.io.image_file import MAX_BYTES, MAX_PIXELS, ImageError, one_line
from marrowscope.io.sample_depth import used_depth
from marrowscope.io.tiff_compressions import NONE, is_unread, refusal
from marrowscope.io.tiff_description import plane_facts
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import (
    BITS,
    COMPRESSION,
    EXTRA_SAMPLES,
    JPEG_TABLES,
    PHOTOMETRIC,
    SAMPLE_FORMAT,
)
from marrowscope.slides.file_handles import PerThreadHandle
from marrowscope.slides.slide import (
    MAX_SIDE,
    Level,
    resolve_pixel_size,
    split_along_tiles,
)
from marrowscope.slides.stored_tiles import NOWHERE, UNWRITTEN, damage_of_tile
from marrowscope.slides.tiff_levels import find_levels, side_of_pixel
from marrowscope.slides.tiff_structure import read_directories
from marrowscope.slides.tiled_slide import Box, TiledReader, UnreadableTileError

_CACHED_TILES = 32
_LOOKED_AT = 64  # tiles, to learn how many bits of 16 are used
_SMALLEST_PIECE = 16  # px; strips of one row are in use
# Bits, colour space, predictor, alpha, JPEG tables, and how YCbCr is sampled.
_PASSED_ON = (BITS, PHOTOMETRIC, 317, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, 530, 532)


@dataclass(frozen=True)
class _Storage:
    """Where the tiles of one level lie in the file, and how they are written."""

    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    columns: int  # tiles per row
    planes: int  # 3: red, green and blue lie apart
    compression: int
    tags: tuple[tuple[int, int, bytes], ...]  # tag, TIFF type, value in the order of the file
    order: str  # of bytes: < or >
    rows: int | None  # strips: rows of the whole level, for the last strip ends with them
    bits: int  # of 16, that the file says are used; a tile alone cannot tell


class TiffReader(TiledReader):
    """A slide in a TIFF, with a pyramid in sub-directories, in pages, or with none."""

    def __init__(self, path: Path, microns_per_pixel: float | None = None) -> None:
        """Read the directories; of a file that is cut off, those that are left.

        Raises:
            InputError: not a TIFF, its first directory damaged, not RGB, or without a pixel size.
        """
        structure = read_directories(path)
        if structure.fault is not None:
            self.remark = (
                f"{path}: a damaged or cut-off TIFF ({structure.fault}), read as far as it goes"
            )
        picture = find_levels(path, structure.directories)
        if picture.stack is not None:
            raise InputError(
                f"{path}: not one RGB picture ({picture.stack}); export it as RGB, in one plane"
            )
        levels = tuple(_level(one, picture.levels[0]) for one in picture.levels)
        for level in levels:
            _check_sides(path, level)
        declared = plane_facts(structure.directories[0].description).bits
        storage = tuple(
            _storage(path, one, level, declared or 16)
            for one, level in zip(picture.levels, levels, strict=True)
        )
        own = side_of_pixel(path, picture) if microns_per_pixel is None else None
        super().__init__(str(path), levels, resolve_pixel_size(str(path), microns_per_pixel, own))
        if 16 in picture.levels[0].bits:
            depth = used_depth(_largest(path, storage, levels), 16, declared)
            storage = tuple(replace(one, bits=depth.bits) for one in storage)
            self._notes[0] = depth.note
        self._handle = PerThreadHandle(partial(_TileReader, str(path), storage))
        self.unwritten = int((picture.levels[0].lengths == 0).sum())

    def _fill(self, image: NDArray[np.uint8], box: Box, level: int) -> None:
        stored, reader = self.levels[level], self._handle.get()
        wide, high = stored.tile_width, stored.tile_height
        for left, top, right, bottom in split_along_tiles(*box, stored):
            tile = reader.tile(level, left // wide, top // high, wide, high)
            if tile is None and self.fields:
                raise UnreadableTileError(UNWRITTEN)
            if tile is None:
                continue  # nothing was there to be scanned
            rows = slice(top % high, top % high + bottom - top)
            columns = slice(left % wide, left % wide + right - left)
            part = tile[rows, columns]
            target = image[top - box[1] : bottom - box[1], left - box[0] : right - box[0]]
            if part.shape != target.shape:
                raise UnreadableTileError("a tile is smaller than the directory says")
            target[:] = part


class _TileReader:
    """An open file and the tiles last decoded from it."""

    def __init__(self, path: str, storage: tuple[_Storage, ...]) -> None:
        self._stream: BinaryIO = Path(path).open("rb")  # noqa: SIM115  lives as long as its thread
        self._storage = storage
        self.tile = lru_cache(_CACHED_TILES)(self._tile)

    def _tile(
        self, level: int, column: int, row: int, width: int, height: int
    ) -> NDArray[np.uint8] | None:
        storage = self._storage[level]
        plane = len(storage.offsets) // storage.planes
        places = [row * storage.columns + column + plane * index for index in range(storage.planes)]
        images = [self._decoded(storage, place, width, height) for place in places]
        whole = [image for image in images if image is not None]
        if len(whole) < len(images):
            return None
        return whole[0] if len(whole) == 1 else np.stack([image[..., 0] for image in whole], -1)

    def _decoded(
        self, storage: _Storage, place: int, width: int, height: int
    ) -> NDArray[np.uint8] | None:
        plane = len(storage.offsets) // storage.planes
        if place >= min(len(storage.offsets), len(storage.lengths)):
            raise UnreadableTileError(NOWHERE)
        length = storage.lengths[place]
        if length == 0:
            return None
        if storage.offsets[place] == 0:
            raise UnreadableTileError(NOWHERE)
        if length > MAX_BYTES:
            raise UnreadableTileError(f"{length / 1e6:.0f} MB for one tile")
        try:
            self._stream.seek(storage.offsets[place])
            data = self._stream.read(length)
        except (OSError, ValueError, OverflowError) as error:
            raise UnreadableTileError(one_line(error)) from None
        if len(data) < length:
            raise UnreadableTileError("the file ends before it")
        tables = next((value for tag, _, value in storage.tags if tag == JPEG_TABLES), b"")
        damage = damage_of_tile(data, storage.compression, tables)
        if damage is not None:
            raise UnreadableTileError(damage)
        if storage.rows is not None:
            height = min(height, storage.rows - height * (place % plane))
        try:
            return decode(_wrapped(data, storage, width, height), "tile", bits=storage.bits)
        except ImageError as error:
            raise UnreadableTileError(error.reason) from None

    def __del__(self) -> None:
        self._stream.close()


def _largest(path: Path, storage: tuple[_Storage, ...], levels: tuple[Level, ...]) -> int:
    """The largest number in tiles spread over the smallest level, up to its low byte."""
    level = len(storage) - 1
    stored, places = levels[level], storage[level]
    reader = _TileReader(str(path), tuple(replace(one, bits=16) for one in storage))
    count = len(places.offsets) // places.planes
    largest = 0
    for place in sorted({round(one) for one in np.linspace(0, count - 1, _LOOKED_AT)}):
        row, column = divmod(place, places.columns)
        try:
            tile = reader.tile(level, column, row, stored.tile_width, stored.tile_height)
        except UnreadableTileError:
            continue  # told when it is needed
        largest = max(largest, 0 if tile is None else int(tile.max(initial=0)))
    return largest * 256 + 255 if largest else 0


def _wrapped(data: bytes, storage: _Storage, width: int, height: int) -> bytes:
    """One tile as a TIFF with one strip, in the byte order of the file (TIFF 6.0, section 2)."""
    order, long, short = storage.order, 4, 3
    samples = next(len(value) // 2 for tag, _, value in storage.tags if tag == BITS)
    entries = sorted(
        [
            (256, long, struct.pack(f"{order}I", width)),
            (257, long, struct.pack(f"{order}I", height)),
            (259, short, struct.pack(f"{order}H", storage.compression)),
            (273, long, b"offs"),
            (277, short, struct.pack(f"{order}H", samples)),
            (278, long, struct.pack(f"{order}I", height)),
            (279, long, struct.pack(f"{order}I", len(data))),
            *storage.tags,
        ]
    )
    sizes = {3: 2, 4: 4, 5: 8, 7: 1}
    beyond = 8 + 2 + 12 * len(entries) + 4
    extra = b"".join(value + b"\0" * (len(value) % 2) for _, _, value in entries if len(value) > 4)
    directory, place = struct.pack(f"{order}H", len(entries)), beyond
    for tag, kind, value in entries:
        if tag == 273:
            value = struct.pack(f"{order}I", beyond + len(extra))
        directory += struct.pack(f"{order}HHI", tag, kind, len(value) // sizes[kind])
        if len(value) > 4:
            directory += struct.pack(f"{order}I", place)
            place += len(value) + len(value) % 2
        else:
            directory += value.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + directory + b"\0\0\0\0" + extra + data


def _level(directory: TiffDirectory, first: TiffDirectory) -> Level:
    wide, high = directory.width, directory.height
    down = float(np.sqrt(first.width / wide * first.height / high))
    return Level(wide, high, down, *directory.piece)


def _check_sides(path: Path, level: Level) -> None:
    if not (0 < level.width <= MAX_SIDE and 0 < level.height <= MAX_SIDE):
        raise InputError(f"{path}: promises {level.width}×{level.height} px; it is damaged")
    if level.tile_width * level.tile_height < _SMALLEST_PIECE:
        raise InputError(f"{path}: its directory gives no size of tiles; it is damaged")
    if level.tile_width * level.tile_height > MAX_PIXELS:
        raise InputError(
            f"{path}: stored in pieces of {level.tile_width}×{level.tile_height} px; "
            "save it as tiled TIFF"
        )


def _storage(path: Path, directory: TiffDirectory, level: Level, used_bits: int) -> _Storage:
    planes, samples = directory.planes, directory.samples
    compression = directory.number(COMPRESSION, NONE)
    if is_unread(compression):
        raise InputError(f"{path}: {refusal(compression)}")
    if planes not in (1, 3):
        raise InputError(f"{path}: {planes} separate channels; export it as RGB")
    bits = set(directory.bits)
    if len(bits) > 1 or not bits <= {8, 16} or directory.number(SAMPLE_FORMAT, 1) not in (1, 4):
        floats = "floating-point " if directory.number(SAMPLE_FORMAT, 1) == 3 else ""
        told = ", ".join(str(one) for one in sorted(bits))
        raise InputError(f"{path}: {floats}values of {told} bits per value; save it with 8 or 16")
    order = directory.order
    tags = []
    for tag in _PASSED_ON:
        kind, data = directory.values.get(tag, (0, b""))
        if not data or (planes > 1 and tag == EXTRA_SAMPLES):
            continue
        if tag == BITS:  # of every value, or of the only one in a plane
            data = struct.pack(f"{order}H", *bits) * (1 if planes > 1 else samples)
        elif tag == PHOTOMETRIC and planes > 1:
            data = struct.pack(f"{order}H", 1)  # each plane alone is a grey picture
        elif tag == JPEG_TABLES:
            kind = 7
        elif kind not in (3, 5):
            continue  # these tags hold short numbers or fractions and nothing else
        tags.append((tag, kind, data))
    columns = -(-level.width // level.tile_width)
    return _Storage(
        tuple(directory.offsets.tolist()),
        tuple(directory.lengths.tolist()),
        columns,
        planes,
        compression,
        tuple(tags),
        order,
        None if directory.tiled else level.height,
        used_bits,
    )
