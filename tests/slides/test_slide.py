"""Regions of slides in every format are crops of the whole picture."""

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.io.image_encoding import encode_png
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import Slide, best_level_for, read_overview, read_scaled
from support.slide_files import (
    MICRONS,
    cropped,
    damage_tile,
    noise,
    write_jpeg_tiles,
    write_ome,
    write_pyramid,
)

IMAGE = noise(200, 300)  # neither side is a multiple of the tiles' 64 px
KINDS = ("openslide", "ome", "strips", "planes", "predictor", "png")


@cache
def slide_of(kind: str) -> Slide:
    path = Path(mkdtemp()) / {"ome": "slide.ome.tif", "png": "field.png"}.get(kind, "slide.tif")
    if kind == "openslide":
        write_pyramid(path, IMAGE)
    elif kind == "ome":
        write_ome(path, IMAGE)
    elif kind == "strips":  # no tiles but a pyramid
        write_pyramid(path, IMAGE, tile=None, rowsperstrip=48)
    elif kind == "planes":  # red, green and blue apart
        write_pyramid(path, np.moveaxis(IMAGE, -1, 0), 1, planarconfig="separate", predictor=True)
    elif kind == "predictor":
        write_ome(path, IMAGE, predictor=True)
    else:
        path.write_bytes(encode_png(IMAGE))
    return open_slide(path, MICRONS)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(
    x=st.integers(-90, 340), y=st.integers(-90, 240),
    width=st.integers(1, 400), height=st.integers(1, 300),
)  # fmt: skip
def test_any_rectangle_is_a_crop_of_the_whole_white_outside(
    kind: str, x: int, y: int, width: int, height: int
) -> None:
    region = slide_of(kind).read_region(x, y, width, height)
    assert region.dtype == np.uint8
    assert np.array_equal(region, cropped(IMAGE, x, y, width, height))


@pytest.mark.parametrize("kind", ["openslide", "ome", "strips"])
@settings(max_examples=20, deadline=None)
@given(x=st.integers(-20, 160), y=st.integers(-20, 110), side=st.integers(1, 180))
def test_a_coarser_level_is_read_in_its_own_pixels(kind: str, x: int, y: int, side: int) -> None:
    slide = slide_of(kind)
    assert [level.downsample for level in slide.levels] == [1, 2]
    region = slide.read_region(x, y, side, side, level=1)
    assert np.array_equal(region, cropped(IMAGE[::2, ::2], x, y, side, side))


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
def test_the_pixel_size_is_the_files_own_unless_another_is_given(
    suffix: str, tmp_path: Path
) -> None:
    write = write_ome if suffix.startswith(".ome") else write_pyramid
    path = write(tmp_path / f"slide{suffix}", IMAGE)
    assert open_slide(path).microns_per_pixel == pytest.approx(0.25)
    assert open_slide(path, 0.5).microns_per_pixel == 0.5


def test_an_ome_pixel_size_in_nanometres_is_understood(tmp_path: Path) -> None:
    path = write_ome(tmp_path / "slide.ome.tif", IMAGE, size=86.25, unit="nm")
    assert open_slide(path).microns_per_pixel == pytest.approx(0.08625)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slide_can_be_sent_to_another_process_and_used_by_many_threads(kind: str) -> None:
    slide = slide_of(kind)
    places = [(x, y) for x in range(-10, 280, 37) for y in range(-10, 190, 41)]
    with ThreadPoolExecutor(4) as pool:
        regions = list(pool.map(lambda place: slide.read_region(*place, 70, 70), places))
    for place, region in zip(places, regions, strict=True):
        assert np.array_equal(region, cropped(IMAGE, *place, 70, 70))
    again = pickle.loads(pickle.dumps(slide))
    assert np.array_equal(again.read_region(5, 6, 70, 80), cropped(IMAGE, 5, 6, 70, 80))


@pytest.mark.parametrize("kind", ["openslide", "ome"])
def test_a_forked_process_reads_through_its_own_handle(kind: str) -> None:
    slide = slide_of(kind)
    slide.read_region(0, 0, 10, 10)  # opened before the fork
    with multiprocessing.get_context("fork").Pool(2) as pool:
        regions = pool.starmap(slide.read_region, [(x, 3, 64, 64) for x in range(0, 250, 9)])
    for x, region in zip(range(0, 250, 9), regions, strict=True):
        assert np.array_equal(region, cropped(IMAGE, x, 3, 64, 64))


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    colour = np.zeros((128, 128, 4), np.uint8)
    colour[:, 64:, 3] = 255  # black where opaque
    path = write_pyramid(tmp_path / "slide.tif", colour, 1, extrasamples=["unassalpha"])
    region = open_slide(path).read_region(0, 0, 128, 128)
    assert (region[:, :64] == 255).all()
    assert (region[:, 64:] == 0).all()


@pytest.mark.parametrize("kind", ["openslide", "ome"])
def test_tiles_compressed_as_jpeg_keep_their_colours(kind: str, tmp_path: Path) -> None:
    picture = np.zeros((128, 192, 3), np.uint8)
    picture[:] = (180, 60, 140)
    picture[64:, 64:128] = (40, 60, 160)
    path = write_jpeg_tiles(tmp_path / "slide.tif", picture, ome=kind == "ome")
    slide = open_slide(path, MICRONS)
    assert type(slide).__name__ == ("TiffReader" if kind == "ome" else "OpenSlideReader")
    region = slide.read_region(0, 0, 192, 128)
    assert np.abs(region.astype(int) - picture).max() <= 4


def test_a_folder_of_fields_keeps_each_field_apart_in_natural_order(tmp_path: Path) -> None:
    fields = {f"field{number}.png": noise(40 + number, 60, number) for number in (1, 2, 10)}
    for name, image in fields.items():
        (tmp_path / name).write_bytes(encode_png(image))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "field1.mask.png").write_bytes(encode_png(noise(5, 5)))
    slide = open_slide(tmp_path, MICRONS)
    assert [field.name for field in slide.fields] == ["field1.png", "field2.png", "field10.png"]
    for field in slide.fields:
        region = slide.read_region(field.x, field.y, field.width, field.height)
        assert np.array_equal(region, fields[field.name])
    whole = slide.read_region(0, 0, *slide.size)
    inside = sum(image.shape[0] * image.shape[1] for image in fields.values())
    assert (whole != 255).any(axis=2).sum() <= inside  # the rest is white


@pytest.mark.parametrize("kind", ["openslide", "ome"])
def test_a_corrupt_tile_is_white_reported_with_its_place_and_counted_once(
    kind: str, tmp_path: Path
) -> None:
    if kind == "ome":
        path = write_ome(tmp_path / "slide.ome.tif", IMAGE)
    else:
        path = write_pyramid(tmp_path / "slide.tif", IMAGE)
    damage_tile(path, 7)  # second row of five: x 128, y 64
    slide = open_slide(path)
    for _ in range(2):
        region = slide.read_region(0, 0, 300, 200)
        expected = IMAGE.copy()
        expected[64:128, 128:192] = 255
        assert np.array_equal(region, expected)
    (tile,) = slide.corrupt
    assert (tile.x, tile.y, tile.width, tile.height, tile.level) == (128, 64, 64, 64, 0)
    assert "x 128, y 64 px" in str(tile)
    assert "\n" not in str(tile)


def test_a_damaged_field_is_white_and_the_others_are_read(tmp_path: Path) -> None:
    good, bad = encode_png(noise(40, 60, 1)), encode_png(noise(40, 60, 2))
    (tmp_path / "a.png").write_bytes(good)
    (tmp_path / "b.png").write_bytes(bad[: len(bad) // 2])
    (tmp_path / "c.png").write_text("no image at all")
    slide = open_slide(tmp_path, MICRONS)
    assert "c.png" in slide.corrupt[0].reason
    first, second = (
        slide.read_region(field.x, field.y, field.width, field.height) for field in slide.fields
    )
    assert np.array_equal(first, noise(40, 60, 1))
    assert (second == 255).all()
    assert len(slide.corrupt) == 2
    assert "b.png" in slide.corrupt[0].reason


def test_an_overview_comes_from_the_next_finer_level_and_from_pieces_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, columns = np.mgrid[:512, :768]
    smooth = np.stack([rows / 2, columns / 3, (rows + columns) / 5], -1).astype(np.uint8)
    pyramid = open_slide(write_pyramid(tmp_path / "a.tif", smooth, 3))
    single = open_slide(write_pyramid(tmp_path / "b.tif", smooth, 1))
    assert [best_level_for(pyramid, size) for size in (0.1, 0.25, 0.6, 1.0, 9.0)] == [0, 0, 1, 2, 2]
    reference = smooth.reshape(64, 8, 96, 8, 3).mean((1, 3))
    assert read_overview(pyramid, 2.0).shape == (64, 96, 3)
    assert np.abs(read_overview(single, 2.0) - reference).max() < 2
    assert (
        np.abs(read_overview(pyramid, 2.0) - reference).max() < 4
    )  # levels pick every second pixel
    whole = read_overview(single, 2.0)
    monkeypatch.setattr("marrowscope.slides.slide._STRIP_PIXELS", 5_000)
    assert np.abs(read_overview(single, 2.0).astype(int) - whole).max() <= 1


def test_a_scaled_region_covers_the_rectangle_that_was_named(tmp_path: Path) -> None:
    slide = open_slide(write_pyramid(tmp_path / "a.tif", IMAGE))
    assert np.array_equal(read_scaled(slide, 10, 20, 100, 90, 0.25), IMAGE[20:110, 10:110])
    assert read_scaled(slide, 10, 20, 100, 90, 0.5).shape == (45, 50, 3)
    assert read_scaled(slide, -500, -500, 100, 90, 0.5).min() == 255
