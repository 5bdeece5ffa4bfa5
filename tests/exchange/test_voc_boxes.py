"""Pascal VOC files."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_formats import read_boxes
from support.box_files import BOXES, picture, voc

BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<annotation><filename>&c;</filename></annotation>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<annotation><filename>&x;</filename></annotation>"""


def corners(path: Path) -> list[tuple[float, ...]]:
    table = cells_from_boxes(read_boxes(path)).table
    return [tuple(row) for row in table.select("x0", "y0", "x1", "y1", "x", "y").rows()]


def test_both_corners_belong_to_the_box_and_the_first_pixel_is_one(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    voc(tmp_path / "a.xml", "a.png")
    wanted = [
        (x, y, x + wide, y + high, x + wide / 2 - 0.5, y + high / 2 - 0.5)
        for _, x, y, wide, high in BOXES
    ]
    assert corners(tmp_path / "a.xml") == wanted


def test_a_corner_at_zero_says_that_the_tool_counts_from_zero(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    boxes = (("BLA", 0, 5, 10, 10), ("BLA", 100, 50, 80, 90))
    voc(tmp_path / "a.xml", "a.png", boxes, first=0)
    found = read_boxes(tmp_path / "a.xml")
    assert "counted from 0" in found.notes[0]
    assert found.boxes[0].x0 == 0
    assert found.boxes[1].x0 == 100


def test_pictures_are_found_in_the_usual_places(tmp_path: Path) -> None:
    picture(tmp_path / "JPEGImages" / "a.jpg", 1)
    picture(tmp_path / "JPEGImages" / "b.jpg", 2)
    voc(tmp_path / "Annotations" / "a.xml", "a.jpg")
    voc(tmp_path / "Annotations" / "b.xml", "b")  # without its suffix
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "test.txt").write_text("b 1\n\n")
    table = cells_from_boxes(read_boxes(tmp_path)).table
    assert table["error"].null_count() == table.height == 6
    assert table["split"].to_list() == ["train"] * 3 + ["test"] * 3
    elsewhere = cells_from_boxes(read_boxes(tmp_path / "Annotations", tmp_path / "JPEGImages"))
    assert elsewhere.table["cell_id"].to_list() == table["cell_id"].to_list()


@pytest.mark.parametrize("content", [BOMB, OUTSIDE], ids=["many laughs", "a file of the system"])
def test_entities_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.xml").write_text(content)
    with pytest.raises(InputError, match="DOCTYPE or entities"):
        read_boxes(tmp_path / "a.xml")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<annotation>", "cannot be read as XML"),
        ("<html></html>", "is not a VOC file"),
        ("", "cannot be read as XML"),
        ("<annotation></annotation>", "holds no box"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "a.xml").write_text(content)
    with pytest.raises(InputError, match=reason):
        read_boxes(tmp_path / "a.xml")


def test_one_bad_file_of_many_is_a_row(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    voc(tmp_path / "a.xml", "a.png")
    voc(tmp_path / "c.xml", "../../c.png")
    voc(tmp_path / "d.xml", "d.png")
    voc(tmp_path / "e.xml", "a.png", ())
    (tmp_path / "b.xml").write_text(BOMB)
    errors = cells_from_boxes(read_boxes(tmp_path)).table["error"].to_list()
    assert errors[:3] == [None] * 3
    assert "DOCTYPE" in errors[3]
    assert "leads out of the folder" in errors[4]
    assert all("unknown image: no such file" in error for error in errors[5:])
    assert len(errors) == 8
