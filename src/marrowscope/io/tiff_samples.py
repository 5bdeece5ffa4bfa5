"""The numbers in a TIFF page as they are stored: for pages that Pillow reads in part or wrongly.

Pillow's answer for a TIFF depends on a table of layouts; what is not in the table it refuses, and
of 16-bit colour it keeps the high byte only, of separate planes even wrong ones. Here the bytes of
each strip or tile are unpacked as they are, and only then taken for numbers, by the tags alone.

Layouts: TIFF 6.0, sections 7 to 15; floating-point predictor: Photoshop TIFF Technical Note 3.
"""

import io
import re
import struct
import zlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from marrowscope.io.native_stderr import capture_native_stderr
from marrowscope.io.tiff_compressions import DEFLATE, NONE, STREAM_CODECS, WITH_PREDICTOR
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_streams import numbers_of_stream
from marrowscope.io.tiff_tags import (
    COMPRESSION,
    FILL_ORDER,
    PLANAR,
    PREDICTOR,
    ROWS_PER_STRIP,
    SAMPLE_FORMAT,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    TILE_HEIGHT,
    TILE_LENGTHS,
    TILE_OFFSETS,
    TILE_WIDTH,
)

_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_AT_ONCE = 1 << 22  # numbers of odd width that are unpacked together
LIBTIFF = re.compile(rb"[\w. ]*: ")  # "function: what is wrong" or "file: …", on standard error
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class UnreadableLayoutError(ValueError):
    """The page is stored in a way that is not read; the text says which, and what to do."""


def stored_samples(data: bytes, page: TiffDirectory) -> NDArray[np.generic]:
    """All numbers of a page.

    Args:
        data: the file.
        page: one of its directories, whose compression is one of ``BYTE_CODECS`` or
            ``STREAM_CODECS``.

    Returns:
        (H, W, samples), uint8 to uint64, int8 to int64 or float16 to float64 as stored; numbers of
        9 to 15 bits come as uint16, those below 8 as uint8, at the lower end of their range.

    Raises:
        UnreadableLayoutError: a number of bits or an order that nothing here reads.
        ValueError: damaged.
    """
    layout = _Layout(page)
    found = np.zeros((page.height, page.width, layout.samples), layout.kind)
    for piece, (offset, count) in enumerate(zip(layout.offsets, layout.counts, strict=True)):
        plane, place = divmod(piece, layout.down * layout.across)
        if plane >= layout.planes:
            break
        top = place // layout.across * layout.high
        left = place % layout.across * layout.wide
        high = layout.high if layout.tiled else min(layout.high, page.height - top)
        numbers = layout.numbers(data[offset : offset + count], high)
        channels = slice(plane, plane + 1) if layout.planes > 1 else slice(None)
        target = found[top : top + high, left : left + layout.wide, channels]
        target[:] = numbers[: target.shape[0], : target.shape[1]]
    return found


class _Layout:
    """How the numbers of one page lie in its strips or tiles."""

    def __init__(self, page: TiffDirectory) -> None:
        self.samples, self.bits = page.samples, page.depth
        self.order: Literal["<", ">"] = "<" if page.order == "<" else ">"
        widths = set(page.bits)
        if len(widths) > 1:
            raise UnreadableLayoutError(
                f"channels of different depth ({', '.join(map(str, sorted(widths)))} bits); save "
                "it with 8 or 16"
            )
        self.compression = page.number(COMPRESSION, NONE)
        self.predictor = page.number(PREDICTOR, 1) if self.compression in WITH_PREDICTOR else 1
        self.reversed = page.number(FILL_ORDER, 1) == 2
        self.kind = _kind(self.bits, page.number(SAMPLE_FORMAT, _UNSIGNED))
        self.planes = self.samples if page.number(PLANAR, 1) == 2 else 1
        self.tiled = TILE_OFFSETS in page.values
        self.wide = page.number(TILE_WIDTH, 0) if self.tiled else page.width
        rows = page.number(ROWS_PER_STRIP, page.height)
        self.high = page.number(TILE_HEIGHT, 0) if self.tiled else min(rows, page.height)
        if not 0 < self.wide <= 1 << 16 or not 0 < self.high <= 1 << 16:
            raise ValueError("strips or tiles without a size")
        self.across = -(-page.width // self.wide)
        self.down = -(-page.height // self.high)
        places = (TILE_OFFSETS, TILE_LENGTHS) if self.tiled else (STRIP_OFFSETS, STRIP_LENGTHS)
        self.offsets, self.counts = (tuple(page.numbers(tag).tolist()) for tag in places)
        if len(self.offsets) == 1 and not self.counts and self.compression == NONE:
            self.counts = (page.height * self._row_bytes,)
        if min(len(self.offsets), len(self.counts)) < self.planes * self.across * self.down:
            raise ValueError("the directory does not say where all its pixels are")

    @property
    def _in_pixel(self) -> int:
        return 1 if self.planes > 1 else self.samples

    @property
    def _row_bytes(self) -> int:
        return -(-self.wide * self._in_pixel * self.bits // 8)

    def numbers(self, packed: bytes, rows: int) -> NDArray[np.generic]:
        """(rows, wide, samples) of one strip or tile."""
        shape = (rows, self.wide, self._in_pixel)
        if self.compression in STREAM_CODECS:
            return numbers_of_stream(packed, self.compression, shape)
        wanted = rows * self._row_bytes
        if self.reversed:
            packed = packed.translate(_REVERSED)
        raw = _unpacked(packed, self.compression, wanted)
        if len(raw) < wanted:
            raise ValueError(f"{len(raw)} bytes where {wanted} are needed")
        if self.predictor == 3:
            return self._undo_float_predictor(raw[:wanted], shape)
        if self.bits % 8:
            if self.predictor != 1:
                raise UnreadableLayoutError(f"differences of {self.bits}-bit values")
            return _odd_numbers(raw[:wanted], rows, self.wide * self._in_pixel, self.bits).reshape(
                shape
            )
        values = np.frombuffer(raw, self.kind.newbyteorder(self.order), rows * shape[1] * shape[2])
        values = values.reshape(shape)
        if self.predictor == 1:
            return values
        if self.predictor != 2 or self.kind.kind == "f":
            raise UnreadableLayoutError(f"predictor {self.predictor} of TIFF")
        return np.asarray(np.cumsum(values, axis=1, dtype=self.kind))

    def _undo_float_predictor(self, raw: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        """Bytes of all numbers of a row lie by significance, each as the difference to the last."""
        if self.kind.kind != "f":
            raise UnreadableLayoutError("predictor 3 of TIFF with whole numbers")
        rows, wide, samples = shape
        size = self.kind.itemsize
        parts = np.frombuffer(raw, np.uint8).reshape(rows, -1, samples)
        parts = np.cumsum(parts, axis=1, dtype=np.uint8).reshape(rows, size, wide * samples)
        whole = np.ascontiguousarray(parts.transpose(0, 2, 1))
        return whole.view(self.kind.newbyteorder(">")).reshape(shape)


def _kind(bits: int, sample_format: int) -> np.dtype[np.generic]:
    if sample_format == _FLOAT and bits in (16, 32, 64):
        return np.dtype(f"f{bits // 8}")
    if sample_format == _SIGNED and bits in (8, 16, 32, 64):
        return np.dtype(f"i{bits // 8}")
    if sample_format in (_UNSIGNED, 4) and (1 <= bits <= 16 or bits in (32, 64)):  # 4: not said
        return np.dtype(f"u{max(8, 1 << (bits - 1).bit_length()) // 8}")
    what = {_FLOAT: "floating-point", _SIGNED: "signed", 5: "complex", 6: "complex"}
    raise UnreadableLayoutError(
        f"{bits}-bit {what.get(sample_format, 'whole')} values; save it with 8 or 16 bits"
    )


def _odd_numbers(raw: bytes, rows: int, across: int, bits: int) -> NDArray[np.generic]:
    """Numbers that do not fill bytes, the highest bit first; every row begins with a byte."""
    kind = np.uint16 if bits > 8 else np.uint8
    lines = np.frombuffer(raw, np.uint8).reshape(rows, -1)
    weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint32)
    found = np.empty((rows, across), kind)
    step = max(1, _AT_ONCE // (across * bits))
    for start in range(0, rows, step):
        single = np.unpackbits(lines[start : start + step], axis=1)[:, : across * bits]
        found[start : start + step] = single.reshape(-1, across, bits) @ weights
    return found


def _unpacked(packed: bytes, compression: int, wanted: int) -> bytes:
    if compression == NONE:
        return packed
    if compression in DEFLATE:
        try:
            return zlib.decompressobj().decompress(packed, wanted)
        except zlib.error as error:
            raise ValueError(str(error)) from None
    return _by_libtiff(packed, compression, wanted)


def _by_libtiff(packed: bytes, compression: int, wanted: int) -> bytes:
    """Bytes through the codecs of Pillow's libtiff: as the pixels of a grey picture."""
    wide = next(side for side in (4096, 256, 16, 1) if wanted % side == 0)
    short, long = 3, 4
    entries = [
        (256, long, wide),
        (257, long, wanted // wide),
        (258, short, 8),
        (259, short, compression),
        (262, short, 1),
        (273, long, 8 + 2 + 12 * 9 + 4),
        (277, short, 1),
        (278, long, wanted // wide),
        (279, long, len(packed)),
    ]
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)
    with Image.open(io.BytesIO(head + packed), formats=("TIFF",)) as image:
        with capture_native_stderr(LIBTIFF):
            image.load()
        return image.tobytes()
