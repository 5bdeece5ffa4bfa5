"""YOLO folders in the layouts that tools write."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_formats import read_boxes
from support.box_files import BOXES, picture, yolo

NAMES = "names: [BLA, lymphocyte, RBC]\n"


def test_labels_lie_in_labels_and_pictures_in_images(tmp_path: Path) -> None:
    for seed, part in enumerate(("train", "val")):
        picture(tmp_path / "images" / part / "a.png", seed)
        yolo(tmp_path / "labels" / part / "a.txt")
    (tmp_path / "data.yaml").write_text("train: images/train\nval: images/val\n" + NAMES)
    table = cells_from_boxes(read_boxes(tmp_path)).table
    assert table["error"].null_count() == table.height == 6
    assert table["label"].to_list() == ["BLA", "LYT", "RBC"] * 2
    assert table["split"].to_list() == ["train"] * 3 + ["val"] * 3
    for row, (_, x, y, wide, high) in zip(table.iter_rows(named=True), BOXES * 2, strict=True):
        assert row["x"] == pytest.approx(x + wide / 2 - 0.5, abs=1e-4)
        assert row["y1"] == pytest.approx(y + high, abs=1e-4)


def test_parts_may_hold_images_and_labels_and_names_may_be_numbered(tmp_path: Path) -> None:
    picture(tmp_path / "valid" / "images" / "a.jpg")
    yolo(tmp_path / "valid" / "labels" / "a.txt")
    text = "train: ../train/images\nval: ../valid/images\nnames: {0: BLA, 1: LYT, 2: RBC}\n"
    (tmp_path / "data.yaml").write_text(text)
    table = cells_from_boxes(read_boxes(tmp_path / "data.yaml")).table
    assert table["split"].to_list() == ["val"] * 3
    assert table["label"].to_list() == ["BLA", "LYT", "RBC"]


def test_labels_beside_the_pictures_with_a_list_of_classes(tmp_path: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        picture(tmp_path / f"{name}.png", seed)
    yolo(tmp_path / "a.txt")
    (tmp_path / "classes.txt").write_text("BLA\nlymphocyte\nRBC\n")
    (tmp_path / "train.txt").write_text("a.png\n")
    found = read_boxes(tmp_path)
    assert len(found.boxes) == 3
    assert any("1 pictures have no label file" in note for note in found.notes)
    assert len(found.pictures) == 2


def test_wrong_lines_are_rows_with_their_reason(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text(
        "0 0.5 0.5 0.1 0.1\n"
        "0 0.3 0.3 0.1 0.1 0.87\n"
        "1 0.2 0.2 0.3 0.2 0.3 0.3 0.2 0.3\n"
        "9 0.1 0.1 0.1 0.1\n"
        "0 0.5 0.5\n"
        "cell 0.5 0.5 0.1 0.1\n"
        "0 nan 0.5 0.1 0.1\n"
        "0 1.5 0.5 0.1 0.1\n"
        "0 0.7 0.7 0 0.1\n"
        "\n"
    )
    (tmp_path / "labels" / "gone.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "data.yaml").write_text(NAMES)
    table = cells_from_boxes(read_boxes(tmp_path)).table
    wanted = [
        None, None, None, "no name for class 9", "expected 4", "is no box", "expected 4",
        "outside of the picture", "no size", "unknown image",
    ]  # fmt: skip
    for error, part in zip(table["error"].to_list(), wanted, strict=True):
        assert (error is None) == (part is None), error
        assert part is None or part in error
    assert table["note"][2] == "outline replaced by its box"
    assert table["x"][2] == pytest.approx(0.25 * 640 - 0.5)


def test_without_names_classes_keep_their_numbers(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    yolo(tmp_path / "labels" / "a.txt")
    cells = cells_from_boxes(read_boxes(tmp_path), {"0": "BLA"})
    assert cells.table["label"].to_list() == ["BLA", "1", "2"]
    assert any("no data.yaml" in note for note in cells.notes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("names: 7\n", "neither a list"), ("a: [\n", "cannot be read as YAML"), ("- a\n", "expected")],
)
def test_names_that_cannot_be_read_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    picture(tmp_path / "images" / "a.png")
    yolo(tmp_path / "labels" / "a.txt")
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_boxes(tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(NAMES)
    with pytest.raises(InputError, match="holds no picture"):
        read_boxes(tmp_path)
