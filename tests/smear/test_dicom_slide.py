"""DICOM whole slides, written here byte by byte (PS3.5, explicit VR, little-endian)."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.images import encode_jpeg
from marrowscope.smear.opening import open_slide
from slides_support import noise

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


def smooth() -> NDArray[np.uint8]:
    blurred = cv2.GaussianBlur(noise(300, 420), (0, 0), 8).astype(int)
    return np.clip((blurred - 127) * 4 + 127, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_slide_is_read_from_one_of_its_files_or_its_folder(
    whole_folder: bool, tmp_path: Path
) -> None:
    image = smooth()
    first = write_level(tmp_path / "a.dcm", image, 0)
    write_level(tmp_path / "b.dcm", image[::2, ::2], 1)
    slide = open_slide(tmp_path if whole_folder else first)
    assert slide.microns_per_pixel == pytest.approx(0.25)
    assert [(level.width, level.height) for level in slide.levels] == [(420, 300), (210, 150)]
    region = slide.read_region(-20, 40, 300, 200)
    assert (region[:, :20] == 255).all()
    assert np.abs(region[:, 20:].astype(int) - image[40:240, :280]).mean() < 2  # it is JPEG


def test_a_folder_of_two_slides_asks_for_one(tmp_path: Path) -> None:
    write_level(tmp_path / "a.dcm", smooth(), 0, "1.2.3")
    write_level(tmp_path / "b.dcm", smooth(), 0, "1.2.4")
    with pytest.raises(InputError, match="holds 2 slides"):
        open_slide(tmp_path)


def test_a_file_cut_in_half_gives_what_is_left_and_counts_the_rest(tmp_path: Path) -> None:
    path = write_level(tmp_path / "a.dcm", smooth(), 0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    slide = open_slide(path)
    region = slide.read_region(0, 0, 420, 300)
    assert 3 <= len(slide.corrupt) <= 11
    assert (region[:100, :100] != 255).any()


def test_what_only_begins_like_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(50))
    for path in (tmp_path / "a.dcm", tmp_path):
        with pytest.raises(InputError, match="DICOM"):
            open_slide(path)
