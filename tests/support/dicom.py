"""DICOM whole slides, written here byte by byte (PS3.5, explicit VR, little-endian)."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowscope.io.image_encoding import encode_jpeg

TILE = 128
SLIDE_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.6"  # VL whole slide microscopy image
JPEG = "1.2.840.10008.1.2.4.50"
LONG = ("OB", "SQ", "UN")


def element(group: int, number: int, kind: str, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        value = struct.pack("<H" if kind == "US" else "<I", value)
    elif isinstance(value, str):
        value = value.encode() + (b"\0" if kind == "UI" else b" ") * (len(value) % 2)
    head = struct.pack("<HH", group, number) + kind.encode()
    size = struct.pack("<HI", 0, len(value)) if kind in LONG else struct.pack("<H", len(value))
    return head + size + value


def sequence(group: int, number: int, content: bytes) -> bytes:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
    return element(group, number, "SQ", item)


def write_level(path: Path, image: NDArray[np.uint8], number: int, series: str = "1.2.3") -> Path:
    """One level of a slide of 0.25 µm/px, of which each level has half the size."""
    height, width = image.shape[:2]
    rows, columns = -(-height // TILE), -(-width // TILE)
    full = np.full((rows * TILE, columns * TILE, 3), 255, np.uint8)
    full[:height, :width] = image
    frames = [
        encode_jpeg(full[y : y + TILE, x : x + TILE], 97)
        for y in range(0, rows * TILE, TILE)
        for x in range(0, columns * TILE, TILE)
    ]
    unique = f"1.2.3.{number}.9"
    meta = element(2, 2, "UI", SLIDE_CLASS) + element(2, 3, "UI", unique)
    meta += element(2, 0x10, "UI", JPEG)
    pixel = 0.00025 * 2**number  # mm
    kind = (
        "ORIGINAL\\PRIMARY\\VOLUME\\NONE" if not number else "DERIVED\\PRIMARY\\VOLUME\\RESAMPLED"
    )
    measures = sequence(0x28, 0x9110, element(0x28, 0x30, "DS", f"{pixel}\\{pixel}"))
    size = struct.pack("<f", width * pixel), struct.pack("<f", height * pixel)
    data = [
        element(8, 8, "CS", kind), element(8, 0x16, "UI", SLIDE_CLASS),
        element(8, 0x18, "UI", unique), element(8, 0x60, "CS", "SM"),
        element(0x20, 0xD, "UI", "1.2.3.4"), element(0x20, 0xE, "UI", series),
        element(0x20, 0x13, "IS", str(number + 1)), element(0x20, 0x52, "UI", "1.2.3.5"),
        element(0x20, 0x9311, "CS", "TILED_FULL"), element(0x28, 2, "US", 3),
        element(0x28, 4, "CS", "YBR_FULL_422"), element(0x28, 6, "US", 0),
        element(0x28, 8, "IS", str(len(frames))), element(0x28, 0x10, "US", TILE),
        element(0x28, 0x11, "US", TILE), element(0x28, 0x100, "US", 8),
        element(0x28, 0x101, "US", 8), element(0x28, 0x102, "US", 7),
        element(0x28, 0x103, "US", 0), element(0x48, 1, "FL", size[0]),
        element(0x48, 2, "FL", size[1]), element(0x48, 6, "UL", width),
        element(0x48, 7, "UL", height),
        sequence(0x48, 0x105, element(0x48, 0x106, "SH", "1")),
        element(0x48, 0x302, "UL", 1), element(0x48, 0x303, "UL", 1),
        sequence(0x5200, 0x9229, measures),
    ]  # fmt: skip
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
    frames = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    places = np.cumsum([0, *(8 + len(frame) for frame in frames[:-1])]).astype("<u4").tobytes()
    pixels += struct.pack("<HHI", 0xFFFE, 0xE000, len(places)) + places
    for frame in frames:
        pixels += struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame
    pixels += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    head = bytes(128) + b"DICM" + element(2, 0, "UL", len(meta)) + meta
    path.write_bytes(head + b"".join(data) + pixels)
    return path
