"""Which format a file or folder of boxes has."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_formats import read_boxes
from support.box_files import coco, picture, voc, yolo


def test_the_same_boxes_have_the_same_ids_in_every_format_and_place(tmp_path: Path) -> None:
    for name in ("coco", "voc", "yolo"):
        picture(tmp_path / name / "a.png")
    coco(tmp_path / "coco" / "c.json", ["a.png"])
    voc(tmp_path / "voc" / "a.xml", "a.png")
    yolo(tmp_path / "yolo" / "a.txt")
    (tmp_path / "yolo" / "classes.txt").write_text("BLA\nlymphocyte\nRBC\n")
    tables = [cells_from_boxes(read_boxes(tmp_path / name)).table for name in ("coco", "voc")]
    tables.append(cells_from_boxes(read_boxes(tmp_path / "yolo")).table)
    ids = [table["cell_id"].to_list() for table in tables]
    assert ids[0] == ids[1] == ids[2]
    assert [table["label"].to_list() for table in tables] == [["BLA", "LYT", "RBC"]] * 3


def test_a_folder_of_two_formats_is_asked_about(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    coco(tmp_path / "c.json", ["a.png"])
    voc(tmp_path / "a.xml", "a.png")
    with pytest.raises(InputError, match="holds VOC and COCO; name one"):
        read_boxes(tmp_path)
