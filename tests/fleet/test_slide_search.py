"""Folders, patterns and lists become slides; fields stay one smear."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.fleet.slide_search import find_slides
from marrowscope.io.image_encoding import encode_png
from marrowscope.slides.source_kind import View
from support.fleets import write_slides
from support.smears import PIXEL, piece


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two slides, one that is damaged, and a note."""
    folder = tmp_path_factory.mktemp("archive")
    write_slides(folder)
    (folder / "damaged.tif").write_bytes(b"II*\0 and nothing")
    (folder / "notes.docx").write_bytes(b"words")
    return folder


def found(*names: object) -> list[str]:
    slides = find_slides([str(name) for name in names], microns_per_pixel=PIXEL)
    assert slides is not None
    return [Path(path).name for path in slides.paths]


def test_a_folder_stands_for_its_slides_the_damaged_ones_too(archive: Path) -> None:
    assert found(archive) == ["a.tif", "b.tif", "damaged.tif"]
    slides = find_slides([str(archive)], microns_per_pixel=PIXEL)
    assert slides is not None
    assert slides.passed_over == (f"{archive}: no slides, passed over: notes.docx",)


def test_a_slide_that_is_named_twice_is_one(archive: Path) -> None:
    assert found(archive / "b.tif", archive) == ["b.tif", "a.tif", "damaged.tif"]


def test_a_pattern_is_resolved_where_the_shell_did_not(archive: Path) -> None:
    assert found(archive / "[ab].tif") == ["a.tif", "b.tif"]
    with pytest.raises(InputError, match="no file fits this pattern"):
        find_slides([str(archive / "*.svs")])


def test_a_list_names_slides_beside_it(archive: Path, tmp_path: Path) -> None:
    text = archive / "day.txt"
    text.write_text("# Monday\nb.tif\n\nmissing.svs\n")
    table = tmp_path / "day.csv"
    table.write_text(f"patient,slide\n1,{archive / 'a.tif'}\n2,s3://bucket/c.svs\n")
    try:
        assert found(text) == ["b.tif", "missing.svs"]
    finally:
        text.unlink()
    slides = find_slides([str(table)])
    assert slides is not None
    assert slides.paths == (str(archive / "a.tif"), "s3://bucket/c.svs")
    table.write_text("patient\n1\n")
    with pytest.raises(InputError, match="has no column slide, path, file or source"):
        find_slides([str(table)])


def test_fields_and_a_single_slide_are_one_smear(archive: Path, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(encode_png(piece(number)))
    assert find_slides([str(tmp_path)]) is None
    assert find_slides([str(tmp_path / "0.png"), str(tmp_path / "1.png")]) is None
    assert find_slides([str(archive / "a.tif")]) is None
    alone = find_slides([str(archive / "a.tif")], True, PIXEL)
    assert alone is not None
    assert len(alone.paths) == 1


def test_what_pictures_in_tiles_are_taken_for_can_be_said(archive: Path) -> None:
    # At the pixel size that the files state they are as small as fields.
    assert find_slides([str(archive / "a.tif"), str(archive / "b.tif")]) is None
    assert find_slides([str(archive)], view=View.FIELD, microns_per_pixel=PIXEL) is None
    assert find_slides([str(archive)], view=View.SLIDE) is not None


def test_slides_and_fields_in_one_folder_are_refused(archive: Path, tmp_path: Path) -> None:
    write_slides(tmp_path, "a")
    (tmp_path / "field.png").write_bytes(encode_png(piece(0)))
    with pytest.raises(InputError, match=r"a\.tif: a whole slide among field images"):
        find_slides([str(tmp_path)], microns_per_pixel=PIXEL)
