"""COCO files, beside what pycocotools reads in them."""

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_formats import read_boxes
from support.box_files import BOXES, coco, picture


def test_centres_and_classes_are_those_of_pycocotools(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    file = coco(tmp_path / "coco.json", ["a.png"])
    table = cells_from_boxes(read_boxes(file)).table
    theirs = COCO(str(file))
    annotations = theirs.loadAnns(theirs.getAnnIds())
    assert table["error"].null_count() == table.height == len(annotations) == len(BOXES)
    for row, annotation in zip(table.iter_rows(named=True), annotations, strict=True):
        rows, columns = np.nonzero(theirs.annToMask(annotation))  # indices of pixels
        assert row["x"] == pytest.approx(columns.mean())
        assert row["y"] == pytest.approx(rows.mean())
        x, y, width, height = annotation["bbox"]
        assert (row["x0"], row["y0"]) == (x, y)
        assert (row["x1"] - row["x0"], row["y1"] - row["y0"]) == (width, height)
    assert table["label"].to_list() == ["BLA", "LYT", "RBC"]
    assert set(table["path"]) == {str(tmp_path / "a.png")}


def test_outlines_are_told_of_and_names_that_fit_nothing_are_listed(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    cells = cells_from_boxes(read_boxes(coco(tmp_path / "coco.json", ["a.png"])))
    assert any("3 outlines (segmentation) not read" in note for note in cells.notes)
    assert any("none of the 21 classes stay as they are: RBC (1)" in note for note in cells.notes)
    assert cells.names["lymphocyte"] == (1, "LYT")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "C:\\a.png", "..\\a.png", ""])
def test_a_picture_outside_of_the_folder_is_not_opened(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "secret.png")
    picture(tmp_path / "inner" / "a.png")
    file = coco(tmp_path / "inner" / "coco.json", [name])
    table = cells_from_boxes(read_boxes(file)).table
    assert table.height == len(BOXES)
    assert table["error"].str.contains("leads out of the folder").all()
    assert table["sha256"].null_count() == table.height


def test_what_is_wrong_with_an_annotation_is_its_row(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    file = coco(tmp_path / "coco.json", ["a.png", "gone.png"])
    content = json.loads(file.read_text())
    first = content["annotations"][0]
    content["annotations"] = [
        first,
        first | {"iscrowd": 1, "bbox": [1, 1, 9, 9]},
        first | {"category_id": 9, "bbox": [2, 2, 9, 9]},
        first | {"image_id": 7},
        first | {"image_id": 2},
        first | {"bbox": [1, 2, 3]},
        first | {"bbox": [1, 2, 0, 3]},
        first | {"bbox": [700, 2, 10, 10]},
        first | {"bbox": [635, 2, 20, 10]},
        first | {"bbox": [630, 2, 14, 10]},
        first | {"bbox": ["a", 2, 14, 10]},
        first | {"bbox": [1, 2, float("nan"), 10]},
        None,
        first,
    ]
    file.write_text(json.dumps(content))
    table = cells_from_boxes(read_boxes(file)).table
    wanted = [
        None, "iscrowd", "category_id 9", "unknown image: image_id 7", "unknown image: no such",
        "not four numbers", "no size", "outside of the picture", "centre of the box outside", None,
        "not four numbers", "not four numbers", "is no annotation", "the same box a second time",
    ]  # fmt: skip
    for error, part in zip(table["error"].to_list(), wanted, strict=True):
        assert (error is None) == (part is None), error
        assert part is None or part in error
    assert table["note"][9] == "box reaches out of the picture"
    assert table["cell_id"].is_unique().all()


def test_one_box_with_two_labels_is_nobody_s(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    two = (("BLA", 1, 1, 50, 50), ("EOS", 1, 1, 50, 50))
    table = cells_from_boxes(read_boxes(coco(tmp_path / "c.json", ["a.png"], two))).table
    assert table["error"].to_list() == [
        "the same box is labelled EOS too",
        "the same box is labelled BLA too",
    ]


def test_boxes_of_a_picture_of_another_size_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", width=1280, height=960)
    table = cells_from_boxes(read_boxes(coco(tmp_path / "c.json", ["a.png"]))).table
    assert table["error"].str.contains("640×480 px, but it has 1280×960").all()


def test_the_split_is_in_the_name_of_file_or_folder(tmp_path: Path) -> None:
    picture(tmp_path / "train2017" / "a.png")
    file = coco(tmp_path / "annotations" / "instances_train2017.json", ["a.png"])
    assert set(cells_from_boxes(read_boxes(file)).table["split"]) == {"train"}
    for seed, part in enumerate(("train", "valid")):
        picture(tmp_path / "robo" / part / "a.png", seed)
        coco(tmp_path / "robo" / part / "_annotations.coco.json", ["a.png"])
    table = cells_from_boxes(read_boxes(tmp_path / "robo")).table
    assert table["split"].to_list() == ["train"] * 3 + ["val"] * 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as GeoJSON"),
        ("[" * 100_000, "cannot be read as GeoJSON"),
        ('{"images": {}, "annotations": []}', "is not a COCO file"),
        ('{"images": [], "annotations": []}', "holds no box"),
        ("7", "is not GeoJSON"),
    ],
)
def test_other_content_is_refused_in_one_line(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_boxes(file)
    assert "\n" not in str(caught.value)
