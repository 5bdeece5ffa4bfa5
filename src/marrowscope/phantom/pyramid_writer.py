"""A pyramidal tiled TIFF, written strip by strip: memory does not grow with the height.

Tiles are JPEG. Each level is the mean of ``FACTOR`` × ``FACTOR`` pixels of the one before, taken
before compression. Level 0 goes straight to the file; the smaller levels wait in temporary files
beside it, as a TIFF is written level after level.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from marrowscope.io.atomic import replacing

Image = NDArray[np.uint8]

FACTOR = 4
_BIG = 3_000_000_000  # px from which on the file might pass 4 GB
_CENTIMETRE = 10_000.0  # µm
_JPEG, _YCBCR, _SUBSAMPLING = 7, 6, 530  # numbers of the TIFF standard


@dataclass(frozen=True)
class PyramidLayout:
    """Size and coding of a pyramid.

    Attributes:
        width, height: px at level 0.
        microns_per_pixel: at level 0.
        tile: side of a tile, a multiple of 16.
        quality: of the JPEG tiles, 1 to 100.
        description: free text, one line.
    """

    width: int
    height: int
    microns_per_pixel: float
    tile: int
    quality: int
    description: str

    def levels(self) -> list[tuple[int, int]]:
        """(width, height) of every level, until one fits into a tile."""
        sizes = [(self.width, self.height)]
        while max(sizes[-1]) > self.tile:
            width, height = sizes[-1]
            sizes.append((-(-width // FACTOR), -(-height // FACTOR)))
        return sizes


def write_pyramid(path: Path, layout: PyramidLayout, strips: Callable[[], Iterator[Image]]) -> None:
    """Write a slide; ``strips`` yields (rows, width, 3) uint8 RGB from top to bottom.

    The heights of all strips but the last must be multiples of the tile.

    Raises:
        InputError: ``path`` cannot be written.
    """
    sizes = layout.levels()
    with (
        replacing(path) as temporary,
        tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as spool,
    ):
        smaller = [
            _Level(layout, size, (Path(spool) / str(number)).open("w+b"))
            for number, size in enumerate(sizes[1:], 1)
        ]
        for upper, lower in pairwise(smaller):
            upper.below = lower
        try:
            with tifffile.TiffWriter(
                temporary, bigtiff=layout.width * layout.height > _BIG
            ) as writer:
                first = smaller[0] if smaller else None
                _write_level(writer, layout, 0, _first_level(layout, strips(), first))
                for number, level in enumerate(smaller, 1):
                    _write_level(writer, layout, number, level.tiles())
        finally:
            for level in smaller:
                level.spool.close()
        _call_jpeg(temporary)


def halve(strip: Image) -> Image:
    """Mean of ``FACTOR`` × ``FACTOR`` pixels; the last row and column are repeated as needed."""
    height, width = strip.shape[:2]
    missing = -height % FACTOR, -width % FACTOR
    if any(missing):
        strip = np.pad(strip, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    size = strip.shape[1] // FACTOR, strip.shape[0] // FACTOR
    smaller: Image = cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
    return smaller


def encode_tiles(strip: Image, tile: int, quality: int) -> list[bytes]:
    """JPEG tiles of one row of tiles, filled up by repeating the border."""
    tiles = []
    for left in range(0, strip.shape[1], tile):
        part = strip[:, left : left + tile]
        missing = tile - part.shape[0], tile - part.shape[1]
        if any(missing):
            part = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        tiles.append(_jpeg(part, quality))
    return tiles


@dataclass
class _Level:
    """A smaller level: rows wait until a row of tiles is complete, tiles wait on disk."""

    layout: PyramidLayout
    size: tuple[int, int]
    spool: IO[bytes]
    below: "_Level | None" = None
    waiting: list[Image] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    received: int = 0

    def feed(self, strip: Image) -> None:
        """Take the next rows."""
        self.waiting.append(strip)
        self.received += len(strip)
        tile = self.layout.tile
        done = self.received >= self.size[1]
        while (held := sum(map(len, self.waiting))) >= tile or (done and held):
            rows = np.concatenate(self.waiting) if len(self.waiting) > 1 else self.waiting[0]
            part, rest = rows[:tile], rows[tile:]
            self.waiting = [rest] if len(rest) else []
            for data in encode_tiles(part, tile, self.layout.quality):
                self.spool.write(data)
                self.lengths.append(len(data))
            if self.below is not None:
                self.below.feed(halve(part))

    def tiles(self) -> Iterator[bytes]:
        """All tiles, row by row."""
        self.spool.seek(0)
        for length in self.lengths:
            yield self.spool.read(length)


def _first_level(
    layout: PyramidLayout, strips: Iterator[Image], below: _Level | None
) -> Iterator[bytes]:
    for strip in strips:
        for top in range(0, len(strip), layout.tile):
            part = strip[top : top + layout.tile]
            # Before the tiles: whoever takes the last tile does not come back.
            if below is not None:
                below.feed(halve(part))
            yield from encode_tiles(part, layout.tile, layout.quality)


def _write_level(
    writer: tifffile.TiffWriter, layout: PyramidLayout, number: int, tiles: Iterator[bytes]
) -> None:
    width, height = layout.levels()[number]
    pixel = layout.microns_per_pixel * FACTOR**number
    options: dict[str, Any] = {"subfiletype": 1} if number else {}
    if number == 0:
        options["description"] = layout.description
    writer.write(
        tiles,
        shape=(height, width, 3),
        dtype=np.uint8,
        tile=(layout.tile, layout.tile),
        # Told to be zlib at first: for JPEG tifffile asks for another library, although the tiles
        # come coded. ``_call_jpeg`` sets it right.
        photometric="rgb",
        compression="zlib",
        extratags=[(_SUBSAMPLING, "H", 2, (1, 1), True)],
        resolution=(_CENTIMETRE / pixel, _CENTIMETRE / pixel),
        resolutionunit="CENTIMETER",
        software="marrowscope",
        metadata=None,
        **options,
    )


def _call_jpeg(path: Path) -> None:
    with tifffile.TiffFile(path, mode="r+") as written:
        for page in written.pages:
            tags = page.aspage().tags
            tags["Compression"].overwrite(_JPEG)
            tags["PhotometricInterpretation"].overwrite(_YCBCR)


def _jpeg(image: Image, quality: int) -> bytes:
    # Colour at full resolution: a pixel is then the same whatever tile it lies in.
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality]
    parameters += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), parameters)
    if not done:
        raise RuntimeError("a tile could not be coded as JPEG")
    return bytes(data)
