"""What a path holds is decided once, by its content."""

import ast
from pathlib import Path

import pytest

import marrowscope.slides
from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from marrowscope.slides.source_kind import SourceKind, identify_source
from support.slide_files import noise, write_ome, write_pyramid

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
