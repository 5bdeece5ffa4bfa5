"""Small slides that tests write: pixels that tell where they are, in several formats."""

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from marrowscope.io.image_encoding import encode_jpeg

MICRONS = 0.25


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Every pixel its own colour, so that a shift by one shows."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_pyramid(path: Path, image: NDArray[np.uint8], levels: int = 2, **options: Any) -> Path:
    """A tiled TIFF as OpenSlide takes it; each level is every second pixel of the one before."""
    options = {"compression": "zlib", "tile": (64, 64), **options}
    resolution = {"resolution": (1e4 / MICRONS,) * 2, "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path) as writer:
        for level in range(levels):
            writer.write(
                image, photometric="rgb", metadata=None, subfiletype=int(level > 0),
                **(resolution if level == 0 else {}), **options,
            )  # fmt: skip
            image = image[::2, ::2]
    return path


def write_ome(
    path: Path,
    image: NDArray[np.uint8],
    size: float | None = MICRONS,
    unit: str = "µm",
    **options: Any,
) -> Path:
    """An OME-TIFF with its second level in a sub-directory, of which OpenSlide knows nothing."""
    options = {"compression": "zlib", "tile": (64, 64), "photometric": "rgb", **options}
    facts: dict[str, Any] = {"axes": "YXS"}
    if size is not None:
        facts |= {f"PhysicalSize{axis}": size for axis in "XY"}
        facts |= {f"PhysicalSize{axis}Unit": unit for axis in "XY"}
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(image, subifds=1, metadata=facts, **options)
        writer.write(image[::2, ::2], subfiletype=1, **options)
    return path


def write_jpeg_tiles(path: Path, image: NDArray[np.uint8], ome: bool) -> Path:
    """Tiles of 64 px as JPEG with YCbCr colours, as most scanners write them; sides fit them."""
    tiles = (
        encode_jpeg(image[top : top + 64, left : left + 64], 95)
        for top in range(0, image.shape[0], 64)
        for left in range(0, image.shape[1], 64)
    )
    data = list(tiles)
    note = b'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    note += (
        b'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8"'
        b' SizeC="3" SizeX="%d" SizeY="%d" SizeZ="1" SizeT="1">'
        b'<Channel ID="Channel:0:0" SamplesPerPixel="3"/>'
        b'<TiffData IFD="0" PlaneCount="1"/></Pixels></Image></OME>\0'
        % (image.shape[1], image.shape[0])
    )
    values = {
        256: [image.shape[1]], 257: [image.shape[0]], 258: [8, 8, 8], 259: [7], 262: [6],
        270: note if ome else b"tiles\0", 277: [3], 284: [1], 322: [64], 323: [64],
        324: [0] * len(data), 325: [len(tile) for tile in data], 530: [2, 2],
    }  # fmt: skip
    beyond = 8 + 2 + 12 * len(values) + 4
    sizes = {tag: len(value) * (1 if tag == 270 else 4) for tag, value in values.items()}
    first = beyond + sum(sizes.values())
    values[324] = [first + sum(map(len, data[:index])) for index in range(len(data))]
    directory, extra = struct.pack("<H", len(values)), b""
    for tag, value in values.items():
        packed = value if isinstance(value, bytes) else np.array(value, "<u4").tobytes()
        kind = 2 if isinstance(value, bytes) else 4
        short = tag in (258, 259, 262, 277, 284, 530)
        if short:
            packed, kind = np.array(value, "<u2").tobytes(), 3
        if len(packed) > 4:
            place = struct.pack("<I", beyond + len(extra))
            extra += packed
        else:
            place = packed.ljust(4, b"\0")
        directory += struct.pack("<HHI", tag, kind, len(value)) + place
    whole = b"II*\0" + struct.pack("<I", 8) + directory + b"\0\0\0\0"
    path.write_bytes((whole + extra).ljust(first, b"\0") + b"".join(data))
    return path


def damage_tile(path: Path, tile: int, page: int = 0) -> None:
    """Overwrite the content of one tile with zeros."""
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[page].dataoffsets[tile]
        length = tiff.pages[page].databytecounts[tile]
    data = bytearray(path.read_bytes())
    data[start + 8 : start + length] = bytes(length - 8)
    path.write_bytes(data)


def cropped(image: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """The crop of an image that goes on in white on all sides, pixel by pixel."""
    rows, columns = np.arange(y, y + height), np.arange(x, x + width)
    result = image[np.clip(rows, 0, len(image) - 1)][:, np.clip(columns, 0, image.shape[1] - 1)]
    result[(rows < 0) | (rows >= len(image))] = 255
    result[:, (columns < 0) | (columns >= image.shape[1])] = 255
    return result


def draw_cells(
    width: float, height: float, reds: float, nucleated: float, pixel: float = 0.5, seed: int = 0
) -> NDArray[np.uint8]:
    """A square-cut piece of smear: discs for red cells and for nuclei, placed at random.

    Args:
        width: in µm, as height and pixel.
        height: the same.
        reds: layers of red cells of 7 µm.
        nucleated: per mm²; nuclei of 9 µm in cells of 12 µm.
        pixel: µm per px.
        seed: of the places.
    """
    random = np.random.default_rng(seed)
    shape = round(height / pixel), round(width / pixel)
    depth = np.zeros((*shape, 3), np.float32)

    def discs(count: int, diameter: float, colour: tuple[float, float, float]) -> None:
        reach = int(diameter / pixel)
        for x, y in random.uniform(0, 1, (count, 2)) * (shape[1], shape[0]):
            left, top = max(0, int(x) - reach), max(0, int(y) - reach)
            part = depth[top : top + 2 * reach, left : left + 2 * reach]
            disc = np.zeros(part.shape[:2], np.uint8)
            middle = round((x - left) * 16), round((y - top) * 16)
            cv2.circle(disc, middle, round(8 * diameter / pixel), 255, -1, cv2.LINE_AA, shift=4)
            part += disc[..., None] / 255 * np.array(colour, np.float32)

    area = width * height
    discs(round(reds * area / 38.5), 7, (0.10, 0.14, 0.09))
    cells = round(nucleated * area / 1e6)
    discs(cells, 9, (0.45, 0.8, 0.2))
    return np.round(240 * 10**-depth).astype(np.uint8)


def on_glass(piece: NDArray[np.uint8], border: int) -> NDArray[np.uint8]:
    """A piece of smear with empty glass around it."""
    return np.pad(piece, ((border, border), (border, border), (0, 0)), constant_values=240)
