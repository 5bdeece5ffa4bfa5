"""What is not a usable slide ends with one clear line."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_jpeg, encode_png
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import Slide
from marrowscope.slides.source_kind import View
from support.image_files import png_bomb
from support.slide_files import MICRONS, damage_tile, noise, write_ome, write_pyramid

IMAGE = noise(200, 300)


def refusal(path: Path, microns_per_pixel: float | None = MICRONS) -> str:
    with pytest.raises(InputError) as caught:
        open_slide(path, microns_per_pixel)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 400
    return line


def opened_or_refused(path: Path) -> Slide | None:
    """A slide, or nothing after one clear line."""
    try:
        return open_slide(path, MICRONS)
    except InputError:
        assert str(path) in refusal(path)
        return None


def test_a_missing_file_an_empty_one_and_a_text_are_told_apart(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.svs")
    (tmp_path / "empty.svs").touch()
    assert "empty file" in refusal(tmp_path / "empty.svs")
    (tmp_path / "text.svs").write_text("this is no slide")
    assert "neither a slide nor an image" in refusal(tmp_path / "text.svs")
    (tmp_path / "text.jpg").write_text("this is no photo")
    assert "not a JPEG" in refusal(tmp_path / "text.jpg")
    (tmp_path / "link.tif").symlink_to(tmp_path / "gone.tif")
    assert "broken link" in refusal(tmp_path / "link.tif")


@pytest.mark.parametrize("size", [0, -0.25, float("nan"), float("inf"), 1e-9, 1000])
def test_an_absurd_pixel_size_is_refused(size: float, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", IMAGE)
    assert "microns_per_pixel" in refusal(path, size)


def test_without_a_pixel_size_one_is_asked_for(tmp_path: Path) -> None:
    ome = write_ome(tmp_path / "slide.ome.tif", IMAGE, size=None)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(encode_jpeg(IMAGE))
    tifffile.imwrite(tmp_path / "plain.tif", IMAGE, tile=(64, 64))
    for path in (ome, photo, tmp_path / "plain.tif"):
        assert "give `microns_per_pixel`" in refusal(path, None)


@pytest.mark.parametrize("resolution", [(72, 72), (1e9, 1e9), (0, 0)])
def test_a_resolution_of_a_printer_or_nonsense_is_no_pixel_size(
    resolution: tuple[float, float], tmp_path: Path
) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(
        path, IMAGE, tile=(64, 64), resolution=resolution, resolutionunit="INCH", metadata=None
    )
    assert "give `microns_per_pixel`" in refusal(path, None)
    assert open_slide(path, MICRONS).microns_per_pixel == MICRONS


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(
        path,
        IMAGE,
        tile=(64, 64),
        resolution=(40_000, 20_000),
        resolutionunit="CENTIMETER",
        metadata=None,
    )
    assert "square" in refusal(path, None)


@pytest.mark.parametrize("write", [write_pyramid, write_ome])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_slide_cut_off_is_refused_or_its_missing_tiles_are_counted(
    write: object, share: float, tmp_path: Path
) -> None:
    assert callable(write)
    path: Path = write(tmp_path / "slide.ome.tif", IMAGE)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    slide = opened_or_refused(path)
    if slide is None:
        return
    missing = 0
    for index, level in enumerate(slide.levels):
        region = slide.read_region(0, 0, level.width, level.height, index)
        missing += int((region == 255).all(axis=2).sum())
    assert missing == 0 or len(slide.corrupt) > 0


def test_a_cut_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "field.jpg"
    data = encode_jpeg(IMAGE)
    path.write_bytes(data[: len(data) // 2])
    assert "damaged" in refusal(path)


def test_every_tile_corrupt_is_all_white_and_counted(tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", IMAGE)
    for tile in range(20):
        damage_tile(path, tile)
    slide = open_slide(path)
    assert (slide.read_region(0, 0, 300, 200) == 255).all()
    assert len(slide.corrupt) == 20


def test_any_overwritten_byte_gives_pixels_or_a_line(tmp_path: Path) -> None:
    whole = {
        kind: write(tmp_path / f"{kind}.tif", IMAGE[:70, :90], tile=(32, 32)).read_bytes()
        for kind, write in (("plain", write_pyramid), ("x.ome", write_ome))
    }
    random = np.random.default_rng(21)
    path = tmp_path / "broken.tif"
    for data in whole.values():
        directories = np.concatenate([np.arange(600), np.arange(len(data) - 600, len(data))])
        for _ in range(30):
            broken = bytearray(data)
            for place in random.choice(directories, 3):
                broken[place] = random.integers(256)
            path.write_bytes(broken)
            slide = opened_or_refused(path)
            if slide is not None and slide.size[0] * slide.size[1] < 1e6:
                slide.read_region(0, 0, *slide.size)


def test_a_picture_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    stack = tmp_path / "stack.ome.tif"
    tifffile.imwrite(stack, np.zeros((5, 64, 64), np.uint16), metadata={"axes": "CYX"})
    assert "stack of 5 planes" in refusal(stack)
    floats = tmp_path / "floats.ome.tif"
    tifffile.imwrite(floats, np.full((64, 64), 7.5, np.float32), metadata={"axes": "YX"})
    assert "floating point with values from 7.5" in refusal(floats)
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_bomb())
    assert "64 megapixels" in refusal(bomb)


def test_a_folder_is_refused_when_it_is_not_fields(tmp_path: Path) -> None:
    assert "no field images" in refusal(tmp_path)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(encode_png(IMAGE))
    size = {"resolution": (1e4 / 9, 1e4 / 9), "resolutionunit": "CENTIMETER"}  # 9 µm: 2.7 mm wide
    tifffile.imwrite(tmp_path / "slide.tif", IMAGE, tile=(64, 64), metadata=None, **size)
    assert "name the slide itself" in refusal(tmp_path)
    size["resolution"] = (1e4 / 3, 1e4 / 3)  # 0.9 mm: a field, unless it has a pyramid
    with tifffile.TiffWriter(tmp_path / "slide.tif") as writer:
        for image in (IMAGE, IMAGE[::2, ::2]):
            writer.write(image, tile=(64, 64), metadata=None, **size)
    assert "name the slide itself" in refusal(tmp_path)
    tifffile.imwrite(tmp_path / "slide.tif", IMAGE, tile=(64, 64), metadata=None, **size)
    assert len(open_slide(tmp_path, MICRONS).fields) == 3


def test_links_in_a_folder_of_fields_are_followed_wherever_they_lead(tmp_path: Path) -> None:
    (tmp_path / "annex").mkdir()
    (tmp_path / "annex/MD5-a").write_bytes(encode_png(IMAGE))
    (tmp_path / "fields").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "fields" / name).symlink_to(tmp_path / "annex/MD5-a")
    (tmp_path / "linked").symlink_to(tmp_path / "fields")
    slide = open_slide(tmp_path / "linked", MICRONS)
    assert [field.name for field in slide.fields] == ["a.png", "b.png"]
    region = slide.read_region(slide.fields[1].x, slide.fields[1].y, 300, 200)
    assert np.array_equal(region, IMAGE)


def test_a_link_that_leads_to_itself_ends_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    assert "symbolic links" in refusal(tmp_path / "a.png")
    assert "symbolic links" in refusal(tmp_path)
    (tmp_path / "b.png").write_bytes(encode_png(IMAGE))
    (damage,) = open_slide(tmp_path, MICRONS).corrupt
    assert damage.reason.startswith("a.png: ")


@pytest.mark.parametrize("name", ["../other.jpg", "/etc/passwd", "..\\other.jpg"])
def test_a_slide_that_names_files_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "slide.vms"
    path.write_text(
        f"[Virtual Microscope Specimen]\nNoLayers=1\nNoJpegColumns=1\nNoJpegRows=1\n"
        f"ImageFile={name}\nMapFile=map.jpg\nOptimisationFile=x.opt\n"
    )
    assert "outside of its folder" in refusal(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    assert "not a file" in refusal(tmp_path / "pipe.tif")


@pytest.mark.parametrize(
    ("box", "level"),
    [((0, 0, 0, 5), 0), ((0, 0, 5, -1), 0), ((0, 0, 5, 5), 9), ((0, 0, 10**6, 10**6), 0)],
)
def test_an_impossible_region_is_refused(
    box: tuple[int, int, int, int], level: int, tmp_path: Path
) -> None:
    path = tmp_path / "field.png"
    Image.fromarray(IMAGE).save(path)
    with pytest.raises(InputError):
        open_slide(path, MICRONS).read_region(*box, level)


def deep_field(name: str, folder: Path) -> Path:
    """A small field as 12 bits in 16, or its planes apart, in one of many containers."""
    path, deep = folder / name, SMOOTH.astype(np.uint16) << 4
    planes, deep_planes = (np.moveaxis(one, 2, 0) for one in (SMOOTH, deep))
    rgb: dict[str, object] = {"photometric": "rgb"}
    size = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
    content, options = {
        "strips.tif": (deep, rgb),
        "tiles.tif": (deep, {**rgb, "tile": (64, 64)}),
        "big-endian.tif": (deep, {**rgb, "tile": (64, 64), "byteorder": ">"}),
        "planes.tif": (deep_planes, {**rgb, "planarconfig": "separate", "tile": (64, 64)}),
        "tiles.ome.tif": (deep, {**rgb, "ome": True, "tile": (64, 64), "compression": "zlib",
                                 "metadata": {"axes": "YXS", **size}}),
        "pages.ome.tif": (planes, {"photometric": "minisblack", "ome": True,
                                   "metadata": {"axes": "CYX"}}),
        "float.tif": (SMOOTH.astype(np.float32) / 255, rgb),
    }[name]  # fmt: skip
    tifffile.imwrite(path, content, **options)
    return path


SMOOTH = np.stack(np.meshgrid(np.arange(60, 220), np.arange(90, 230), [200])[:3], -1)[
    :, :, 0
].astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("strips.tif", "12-bit values in 16 bits"),
        ("tiles.tif", "12-bit values in 16 bits"),
        ("big-endian.tif", "12-bit values in 16 bits"),
        ("planes.tif", "12-bit values in 16 bits"),
        ("tiles.ome.tif", "12-bit values in 16 bits"),
        ("pages.ome.tif", "three grey planes composed"),
        ("float.tif", "32-bit floating point"),
    ],
)
def test_the_same_field_gives_the_same_pixels_from_any_container(
    name: str, note: str, tmp_path: Path
) -> None:
    slide = open_slide(deep_field(name, tmp_path), 0.1, View.FIELD)
    high, wide = SMOOTH.shape[:2]
    np.testing.assert_array_equal(slide.read_region(0, 0, wide, high), SMOOTH)
    assert note in " ".join(slide.reading_remarks)
    assert slide.reading_remarks[0].startswith("1 field: ")


def test_a_thumbnail_in_front_does_not_change_the_size_of_a_field(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "field.tif") as writer:
        writer.write(SMOOTH[:40, :50], photometric="rgb", subfiletype=1)
        writer.write(SMOOTH, photometric="rgb")
    slide = open_slide(tmp_path / "field.tif", 0.1, View.FIELD)
    assert slide.size == (SMOOTH.shape[1], SMOOTH.shape[0])
