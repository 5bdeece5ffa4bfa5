"""Boxes of several files as one set, and pictures that a file names."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.exchange.boxes import (
    Box,
    BoxSet,
    faulty,
    find_picture,
    inside,
    joined,
    read_text,
)


def test_a_point_has_no_extent_and_is_not_wrong() -> None:
    assert Box("a", 5, 5, 5, 5, "LYT", "object 1", centre=(5, 5)).is_point
    assert not Box("a", 5, 5, 5, 5, "LYT", "object 1").is_point
    assert faulty("a", "line 3", "no number").fault == "no number"


def test_sets_are_joined_in_order_and_a_note_is_said_once() -> None:
    one = BoxSet("VOC", (faulty("a", "1", "x"),), {"a": (10, 20)}, ("a",), ("same note",))
    two = BoxSet("YOLO", (faulty("b", "2", "y"),), {"b": (30, 40)}, ("b",), ("same note",))
    found = joined([one, two, one])
    assert found.format == "VOC and YOLO"
    assert [box.place for box in found.boxes] == ["1", "2", "1"]
    assert found.sizes == {"a": (10, 20), "b": (30, 40)}
    assert found.notes == ("same note",)


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "a/../../x.png",
        "/etc/passwd",
        "C:\\x.png",
        "http://a/b.png",
        " ",
        "\0",
    ],
)
def test_names_that_lead_out_of_the_folder_are_not_followed(name: str, tmp_path: Path) -> None:
    assert inside(tmp_path, name) is None
    assert find_picture([tmp_path], name) is None


def test_the_first_folder_that_has_the_picture_is_taken(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"")
    bases = [tmp_path, tmp_path / "images"]
    assert find_picture(bases, "a.png") == tmp_path / "images" / "a.png"
    assert find_picture(bases, "sub\\b.png") == tmp_path / "sub" / "b.png"  # where it was expected


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_text(tmp_path / "none.json")
    with pytest.raises(InputError, match="a folder, not a file"):
        read_text(tmp_path)
