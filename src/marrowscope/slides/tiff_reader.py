"""TIFF slides that OpenSlide does not take, or takes without their pyramid: OME-TIFF above all.

Directories are read by tifffile. Pixels are decoded tile by tile: each is wrapped as a small TIFF
of its own with the tags that its compression needs, and goes the way of every other image
(``marrowscope.io.image_decoding``), with its limits and its conversions.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.image_decoding import MAX_PIXELS, ImageError, decode, one_line
from marrowscope.io.quiet_decoders import quiet_decoders
from marrowscope.slides.file_handles import PerThreadHandle
from marrowscope.slides.slide import (
    MAX_SIDE,
    Level,
    resolve_pixel_size,
    split_along_tiles,
    square_pixel_size,
)
from marrowscope.slides.tiled_slide import Box, TiledReader, UnreadableTileError

_CACHED_TILES = 32
_SMALLEST_PIECE = 16  # px; strips of one row are in use
_MICRONS = {"µm": 1.0, "um": 1.0, "μm": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_PASSED_ON = (258, 262, 317, 338, 339, 347, 530, 532)  # bits … predictor, JPEG tables, YCbCr
_JPEG2000 = (33003, 33005, 34712)


@dataclass(frozen=True)
class _Storage:
    """Where the tiles of one level lie in the file, and how they are written."""

    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    columns: int  # tiles per row
    planes: int  # 3: red, green and blue lie apart
    compression: int
    tags: tuple[tuple[int, int, bytes], ...]  # tag, TIFF type, value; little-endian
    rows: int | None  # strips: rows of the whole level, for the last strip ends with them


class TiffReader(TiledReader):
    """A slide in a TIFF, with a pyramid in sub-directories, in pages, or with none."""

    def __init__(self, path: Path, microns_per_pixel: float | None = None) -> None:
        """Read the directories.

        Raises:
            InputError: not a TIFF, damaged, not RGB, or without a pixel size.
        """
        levels, storage, own = _read_directories(path, microns_per_pixel is None)
        super().__init__(str(path), levels, resolve_pixel_size(str(path), microns_per_pixel, own))
        self._storage = storage
        self._handle = PerThreadHandle(partial(_TileReader, str(path), storage))

    def _fill(self, image: NDArray[np.uint8], box: Box, level: int) -> None:
        stored, reader = self.levels[level], self._handle.get()
        wide, high = stored.tile_width, stored.tile_height
        for left, top, right, bottom in split_along_tiles(*box, stored):
            tile = reader.tile(level, left // wide, top // high, wide, high)
            if tile is None:
                continue  # never written: nothing was there to be scanned
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
            raise UnreadableTileError("the directory does not say where it lies")
        length = storage.lengths[place]
        if length == 0:
            return None
        try:
            self._stream.seek(storage.offsets[place])
            data = self._stream.read(length)
        except (OSError, ValueError, OverflowError) as error:
            raise UnreadableTileError(one_line(error)) from None
        if len(data) < length:
            raise UnreadableTileError("the file ends before it")
        if storage.rows is not None:
            height = min(height, storage.rows - height * (place % plane))
        if storage.compression not in _JPEG2000:
            data = _wrapped(data, storage, width, height)
        try:
            return decode(data, "tile")
        except ImageError as error:
            raise UnreadableTileError(error.reason) from None

    def __del__(self) -> None:
        self._stream.close()


def _wrapped(data: bytes, storage: _Storage, width: int, height: int) -> bytes:
    """One tile as a TIFF with one strip (TIFF 6.0, section 2)."""
    long, short = 4, 3
    entries = [
        (256, long, struct.pack("<I", width)),
        (257, long, struct.pack("<I", height)),
        (259, short, struct.pack("<H", storage.compression)),
        (273, long, b"offs"),
        (277, short, b""),  # filled in below
        (278, long, struct.pack("<I", height)),
        (279, long, struct.pack("<I", len(data))),
        *storage.tags,
    ]
    sizes = {3: 2, 4: 4, 5: 8, 7: 1}
    samples = next(len(value) // 2 for tag, _, value in storage.tags if tag == 258)
    entries = sorted(
        (tag, kind, struct.pack("<H", samples) if tag == 277 else value)
        for tag, kind, value in entries
    )
    beyond = 8 + 2 + 12 * len(entries) + 4
    extra = b"".join(value + b"\0" * (len(value) % 2) for _, _, value in entries if len(value) > 4)
    directory, place = struct.pack("<H", len(entries)), beyond
    for tag, kind, value in entries:
        if tag == 273:
            value = struct.pack("<I", beyond + len(extra))
        directory += struct.pack("<HHI", tag, kind, len(value) // sizes[kind])
        if len(value) > 4:
            directory += struct.pack("<I", place)
            place += len(value) + len(value) % 2
        else:
            directory += value.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", 8) + directory + b"\0\0\0\0" + extra + data


def _read_directories(
    path: Path, size_wanted: bool
) -> tuple[tuple[Level, ...], tuple[_Storage, ...], float | None]:
    try:
        with quiet_decoders(), tifffile.TiffFile(path) as tiff:
            series = max(tiff.series, key=lambda one: int(np.prod(one.shape[:2])))
            pages = [_page_of(path, level) for level in series.levels]
            own = (
                _pixel_size(path, tiff, pages[0], tiff.series.index(series))
                if size_wanted
                else None
            )
            levels = tuple(_level(page, pages[0]) for page in pages)
            for level in levels:
                _check_sides(path, level)
            storage = tuple(
                _storage(path, page, level) for page, level in zip(pages, levels, strict=True)
            )
            return levels, storage, own
    except InputError:
        raise
    except Exception as error:  # damaged directories make tifffile raise whatever it stumbles on
        raise InputError(f"{path}: a damaged or cut-off TIFF ({one_line(error)})") from None


def _page_of(path: Path, level: Any) -> Any:
    """The directory of one level; the whole picture must be in it."""
    sides = dict(zip(level.axes, level.shape, strict=True))
    others = {axis: side for axis, side in sides.items() if axis not in "YXS" and side > 1}
    if others or sides.get("S", 1) not in (1, 3, 4):
        what = ", ".join(f"{side} × {axis}" for axis, side in (others or sides).items())
        raise InputError(f"{path}: not one RGB picture ({what}); export it as RGB, in one plane")
    page = level.keyframe
    if page.bitspersample not in (8, 16):
        raise InputError(f"{path}: {page.bitspersample} bits per value; save it with 8 or 16")
    return page


def _level(page: Any, first: Any) -> Level:
    down = float(np.sqrt(first.imagewidth / page.imagewidth * first.imagelength / page.imagelength))
    if page.is_tiled:
        return Level(page.imagewidth, page.imagelength, down, page.tilewidth, page.tilelength)
    rows = min(int(page.rowsperstrip), page.imagelength)
    return Level(page.imagewidth, page.imagelength, down, page.imagewidth, rows)


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


def _storage(path: Path, page: Any, level: Level) -> _Storage:
    separate = page.planarconfig == 2 and page.samplesperpixel > 1
    planes = int(page.samplesperpixel) if separate else 1
    if planes not in (1, 3):
        raise InputError(f"{path}: {planes} separate channels; export it as RGB")
    tags = []
    for tag in _PASSED_ON:
        if tag not in page.tags or (separate and tag == 338):
            continue
        value = page.tags[tag].value
        if tag == 347:
            tags.append((tag, 7, bytes(value)))
        elif tag == 532:
            tags.append((tag, 5, struct.pack("<12I", *value)))
        else:
            numbers = list(value) if isinstance(value, tuple) else [int(value)]
            if tag == 258:
                numbers = [int(page.bitspersample)] * (1 if separate else page.samplesperpixel)
            if tag == 262 and separate:
                numbers = [1]  # each plane alone is a grey picture
            tags.append((tag, 3, struct.pack(f"<{len(numbers)}H", *numbers)))
    columns = -(-level.width // level.tile_width)
    return _Storage(
        tuple(page.dataoffsets),
        tuple(page.databytecounts),
        columns,
        planes,
        int(page.compression),
        tuple(tags),
        None if page.is_tiled else level.height,
    )


def _pixel_size(path: Path, tiff: Any, page: Any, index: int) -> float | None:
    """Side of a pixel in µm: of the OME description, else of the resolution tags, else None."""
    if tiff.is_ome:
        images = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]
        facts = (images if isinstance(images, list) else [images])[index]["Pixels"]
        sizes = []
        for axis in "XY":
            unit = _MICRONS.get(facts.get(f"PhysicalSize{axis}Unit", "µm"))
            if f"PhysicalSize{axis}" not in facts or unit is None:
                return None
            sizes.append(float(facts[f"PhysicalSize{axis}"]) * unit)
        return square_pixel_size(path, *sizes)
    unit = {2: 25_400.0, 3: 10_000.0}.get(int(page.resolutionunit or 1))
    if unit is None:
        return None
    across, along = page.resolution
    return (
        square_pixel_size(path, unit / across, unit / along) if across > 0 and along > 0 else None
    )
