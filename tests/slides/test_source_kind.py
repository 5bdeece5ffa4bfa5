"""What a path holds is decided once, by its content."""

import ast
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

import marrowscope.slides
from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.source_kind import SourceKind, View, identify_source, is_field
from support.slide_files import draw_cells, noise, on_glass, write_ome, write_pyramid

IMAGE = noise(200, 300)
READERS = ("field_reader", "openslide_reader", "tiff_reader")


def test_each_content_has_its_kind_and_a_reason_whatever_the_name(tmp_path: Path) -> None:
    field = tmp_path / "field.tif"
    field.write_bytes(encode_png(IMAGE))
    found = {
        "field": identify_source(field),
        "tiles": identify_source(write_pyramid(tmp_path / "tiles.png", IMAGE)),
        "ome": identify_source(write_ome(tmp_path / "slide.ome.tif", IMAGE)),
        "strips": identify_source(write_pyramid(tmp_path / "s.tif", IMAGE, tile=None)),
    }
    assert {name: source.kind for name, source in found.items()} == {
        "field": SourceKind.FIELD_IMAGES,
        "tiles": SourceKind.OPENSLIDE,
        "ome": SourceKind.TIFF,
        "strips": SourceKind.TIFF,
    }
    assert found["field"].reason == "an ordinary image"
    assert found["tiles"].reason == "OpenSlide knows it: generic-tiff"
    assert found["ome"].reason == "OME-TIFF"


def test_images_of_a_folder_come_in_natural_order_without_masks(tmp_path: Path) -> None:
    for name in ("10.png", "9.png", "1.png", "1.mask.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(encode_png(IMAGE))
    source = identify_source(tmp_path)
    assert source.kind is SourceKind.FIELD_IMAGES
    assert [path.name for path in source.files] == ["1.png", "9.png", "10.png"]
    assert source.name == str(tmp_path)


def test_a_folder_of_one_slide_is_that_slide(tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", IMAGE)
    source = identify_source(tmp_path)
    assert (source.kind, source.files, source.name) == (SourceKind.OPENSLIDE, (path,), str(path))


def test_what_is_neither_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a list of slides")
    with pytest.raises(InputError, match="neither a slide nor an image; expected"):
        identify_source(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="no such file"):
        identify_source(tmp_path / "missing.svs")


@pytest.mark.parametrize("reader", READERS)
def test_readers_neither_import_each_other_nor_decide_what_a_source_is(reader: str) -> None:
    path = Path(str(marrowscope.slides.__file__)).with_name(f"{reader}.py")
    imported = {
        str(node.module).rpartition(".")[2]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    assert not imported & ({*READERS, "open_slide", "source_kind"} - {reader})


@pytest.mark.parametrize(
    ("size", "pixel", "on_glass", "field"),
    [
        ((2452, 2056), 0.08625, None, True),  # the study's camera: 0.21 mm
        ((640, 640), 0.08625, None, True),
        ((5472, 3648), 0.1, False, True),  # 0.55 mm and stained to its edges
        ((2000, 1000), 0.5, True, False),  # 1 mm with glass around
        ((2000, 1000), 0.5, False, True),
        ((8001, 100), 0.25, None, False),  # 2 mm
        ((9000, 8000), 0.01, None, False),  # more than 64 megapixels
    ],
)
def test_field_or_slide_is_told_by_size_and_where_it_leaves_it_open_by_content(
    size: tuple[int, int], pixel: float, on_glass: bool | None, field: bool
) -> None:
    def look() -> bool:
        assert on_glass is not None, "the size says it already"
        return on_glass

    assert is_field(size, pixel, look) is field


@pytest.mark.parametrize("slide", [False, True])
def test_the_container_does_not_matter(slide: bool, tmp_path: Path) -> None:
    smear = draw_cells(300, 300, 0.4, 1500, 0.5)
    picture = on_glass(smear, 200) if slide else smear
    (tmp_path / "a.png").write_bytes(encode_png(picture))
    write_pyramid(tmp_path / "a.tif", picture)
    write_ome(tmp_path / "a.ome.tif", picture)
    write_pyramid(tmp_path / "strips.tif", picture, 1, tile=None)
    for path in sorted(tmp_path.iterdir()):
        opened = open_slide(path, 0.5)
        assert bool(opened.fields) is not slide
        suggests_slide = path.name in ("a.tif", "a.ome.tif")
        assert (opened.remark is None) is (suggests_slide is slide)
        if opened.remark:
            assert (
                "taken for a slide; `taken_as=field`" if slide else "`taken_as=slide`"
            ) in opened.remark
        for view in View:
            chosen = open_slide(path, 0.5, view)
            assert bool(chosen.fields) is (view is View.FIELD)
            assert chosen.remark is None


def test_several_fields_are_no_slide_and_a_huge_slide_is_no_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(encode_png(IMAGE))
    with pytest.raises(InputError, match="2 field images are not a slide"):
        open_slide(tmp_path, 0.25, View.SLIDE)
    monkeypatch.setattr("marrowscope.slides.open_slide.MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="too large for a field"):
        open_slide(tmp_path / "a.png", 0.25, View.FIELD)
    with pytest.raises(InputError, match="`taken_as` is 'photo'; expected field or slide"):
        View.named("photo")


def test_small_tiled_pictures_are_fields_among_others(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(encode_png(IMAGE))
    write_pyramid(tmp_path / "2.tif", IMAGE)
    write_ome(tmp_path / "3.ome.tif", IMAGE)
    opened = open_slide(tmp_path, 0.25)
    assert [field.name for field in opened.fields] == ["1.png", "2.tif", "3.ome.tif"]
    for field in opened.fields:
        region = opened.read_region(field.x, field.y, field.width, field.height)
        assert (region == IMAGE).all()


@pytest.mark.parametrize(
    "preamble", [bytes(128), b"II*\0" + (10**6).to_bytes(4, "little") + bytes(120)]
)
def test_a_dicom_of_something_else_is_named_whatever_lies_in_its_preamble(
    preamble: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "ct.dcm"
    path.write_bytes(preamble + b"DICM" + bytes(400))
    with pytest.raises(InputError, match="DICOM, but not a whole-slide image"):
        identify_source(path)


def test_a_kernel_log_is_not_waited_for() -> None:
    log = Path("/proc/kmsg")
    if not log.exists():
        pytest.skip("no kernel log here")
    with pytest.raises(InputError, match="empty file"):
        identify_source(log)


def test_what_has_to_be_converted_is_converted_alike_in_every_container(tmp_path: Path) -> None:
    deep = IMAGE.astype(np.uint16) * 16 + 15  # 12 bits in 16, as cameras write them
    cv2.imwrite(str(tmp_path / "12.png"), deep[..., ::-1])
    write_pyramid(tmp_path / "12.tif", deep)
    write_ome(tmp_path / "12.ome.tif", deep)
    planes = np.moveaxis(IMAGE, -1, 0)
    tifffile.imwrite(tmp_path / "planes.ome.tif", planes, metadata={"axes": "CYX"})
    for path in sorted(tmp_path.iterdir()):
        opened = open_slide(path, 0.25)
        assert len(opened.fields) == 1
        assert (opened.read_region(0, 0, 300, 200) == IMAGE).all(), path.name
