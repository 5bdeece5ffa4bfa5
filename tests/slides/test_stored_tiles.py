"""Tiles in the middle of a slide or field that are missing or damaged are said, in every reader."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from marrowscope.api import cell_detection
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import Slide
from marrowscope.slides.source_kind import View
from support.slide_files import MICRONS, noise, write_ome, write_pyramid

IMAGE = noise(256, 320)  # tiles of 64 px: 5 across, 4 down
MIDDLE = 7  # at x 128, y 64
APERIO = f"Aperio Image Library v12\r\n320x256 (64x64) |AppMag = 40|MPP = {MICRONS}"


def written(folder: Path, kind: str, compression: str | None) -> Path:
    if kind == "ome":
        return write_ome(folder / "slide.ome.tif", IMAGE, compression=compression)
    text = {"description": APERIO} if kind == "svs" else {}
    return write_pyramid(folder / f"slide.{kind}", IMAGE, 2, compression=compression, **text)


def damage(path: Path, how: str) -> None:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        start, length = page.dataoffsets[MIDDLE], page.databytecounts[MIDDLE]
        places = page.tags[324].valueoffset, page.tags[325].valueoffset
    data = bytearray(path.read_bytes())
    if how == "a hole":
        data[start + length // 3 : start + length // 2] = bytes(length // 2 - length // 3)
    elif how == "zeros":
        data[start : start + length] = bytes(length)
    elif how == "nowhere":
        struct.pack_into("<I", data, places[0] + 4 * MIDDLE, 0)
    else:  # never written
        size = 4 if page.tags[325].dtype == 4 else 2
        struct.pack_into("<I" if size == 4 else "<H", data, places[1] + size * MIDDLE, 0)
    path.write_bytes(data)


def read(path: Path, view: View) -> tuple[Slide, np.ndarray]:
    slide = open_slide(path, MICRONS, view)
    return slide, slide.read_region(0, 0, *slide.size)


@pytest.mark.parametrize("kind", ["svs", "tif", "ome"])
@pytest.mark.parametrize(
    ("compression", "how"),
    [("jpeg", "a hole"), ("zlib", "a hole"), ("jpeg", "zeros"), (None, "zeros"),
     (None, "nowhere"), ("lzw", "nowhere")],
)  # fmt: skip
def test_a_damaged_tile_is_white_and_listed(
    kind: str, compression: str | None, how: str, tmp_path: Path
) -> None:
    path = written(tmp_path, kind, compression)
    slide, before = read(path, View.SLIDE)
    assert slide.corrupt == ()
    damage(path, how)
    slide, after = read(path, View.SLIDE)
    assert [(tile.x, tile.y, tile.width, tile.height) for tile in slide.corrupt] == [
        (128, 64, 64, 64)
    ]
    assert (after[64:128, 128:192] == 255).all()
    after[64:128, 128:192] = before[64:128, 128:192]
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("kind", ["svs", "tif", "ome"])
def test_a_tile_that_was_never_written_is_damage_in_a_field_and_told_of_a_slide(
    kind: str, tmp_path: Path
) -> None:
    path = written(tmp_path, kind, "lzw")
    damage(path, "never written")
    field, _ = read(path, View.FIELD)
    assert [tile.reason for tile in field.corrupt] == ["it was never written"]
    slide, pixels = read(path, View.SLIDE)
    assert slide.corrupt == ()
    assert (pixels[64:128, 128:192] == 255).all()
    assert "1 tiles of the slide were never written and are white" in slide.reading_remarks


def test_detect_says_it(tmp_path: Path) -> None:
    path = written(tmp_path, "tif", "jpeg")
    damage(path, "a hole")
    found = cell_detection.detect_in([path], microns_per_pixel=MICRONS)
    assert [tile.x for _, tile in found.corrupt] == [128]
    assert "damaged JPEG" in found.corrupt[0][1].reason
