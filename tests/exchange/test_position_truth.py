"""Labels from annotations find the located cells, by id or by place."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from shapely.geometry import Point, box, mapping

from marrowscope.cells import write_cells
from marrowscope.errors import InputError
from marrowscope.exchange.geojson_writer import to_geojson, write_geojson
from marrowscope.exchange.position_truth import truth_from_boxes
from support.box_files import BOXES, coco, picture, yolo
from support.command_shell import Shell


def predictions(places: list[tuple[float, float]], field: str = "a.png") -> pl.DataFrame:
    x, y = (np.array(values) for values in zip(*places, strict=True))
    return pl.DataFrame(
        {
            "cell_id": [f"{field}-{number}" for number in range(len(places))],
            "path": [f"crops/{field}-{number}.png" for number in range(len(places))],
            "field_id": [field] * len(places),
            "slide_id": ["fields"] * len(places),
            "x": x.astype(float), "y": y.astype(float),
            "x0": x - 20.0, "y0": y - 20.0, "x1": x + 20.0, "y1": y + 20.0,
            "predicted": ["BLA"] * len(places),
            "p_BLA": pl.Series([0.9] * len(places), dtype=pl.Float32),
            "p_LYT": pl.Series([0.1] * len(places), dtype=pl.Float32),
            "confidence": pl.Series([0.9] * len(places), dtype=pl.Float32),
        }
    )  # fmt: skip


def annotations(path: Path, shapes: list[tuple[Any, str | None]]) -> Path:
    features = [
        {"type": "Feature", "geometry": mapping(shape),
         "properties": {"objectType": "annotation", "classification": {"name": name}}}
        for shape, name in shapes
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def square(x: float, y: float, half: float = 20) -> Any:
    return box(x - half, y - half, x + half, y + half)


def test_labels_go_to_the_cells_at_their_place(tmp_path: Path) -> None:
    table = predictions([(100, 100), (200, 100), (300, 100), (400, 400)])
    truth = annotations(
        tmp_path / "a.png.geojson",
        [(square(305, 104), "lymphocyte"), (square(98, 100), "blast"), (square(250, 300), "EOS")],
    )
    found = truth_from_boxes(table, truth)
    assert found.table["label"].to_list() == ["BLA", None, "LYT", None]
    assert found.table.drop("label").equals(table)
    assert (found.matched, found.by_id, found.unlabelled, found.elsewhere) == (2, 0, 2, 0)
    assert found.missed == {"EOS": 1}
    assert found.sentences()[0] == (
        "2 cells have a label by their place or id (0 by id); 1 annotated cells fit no prediction "
        "(EOS 1); 2 predictions fit no annotation"
    )


def test_of_two_near_cells_the_nearest_pair_comes_first_and_each_once(tmp_path: Path) -> None:
    table = predictions([(100, 100), (115, 100)])
    truth = annotations(
        tmp_path / "a.geojson", [(square(113, 100), "LYT"), (square(108, 100), "BLA")]
    )
    assert truth_from_boxes(table, truth).table["label"].to_list() == ["BLA", "LYT"]
    one = annotations(tmp_path / "a.geojson", [(square(110, 100), "LYT")])
    assert truth_from_boxes(table, one).table["label"].to_list() == [None, "LYT"]


@pytest.mark.parametrize("metadata", [True, False], ids=["QuPath 0.5", "QuPath 0.4"])
def test_a_label_given_by_hand_finds_its_cell_by_id_even_when_it_was_moved(
    tmp_path: Path, metadata: bool
) -> None:
    table = predictions([(100, 100), (400, 300)])
    collection = to_geojson(table, "a.png")
    moved, other = collection["features"]
    moved["geometry"] = mapping(square(390, 310))
    moved["properties"]["classification"] = {"name": "eosinophil", "color": [1, 2, 3]}
    other["properties"]["classification"] = {"name": "basophil"}
    if not metadata:
        for one in collection["features"]:
            del one["properties"]["metadata"]
    write_geojson(collection, tmp_path / "a.geojson.gz")
    found = truth_from_boxes(table, tmp_path / "a.geojson.gz")
    assert found.table["label"].to_list() == ["EOS", "BAS"]
    assert found.by_id == found.matched == 2


def test_points_lie_in_the_box_of_their_cell(tmp_path: Path) -> None:
    table = predictions([(100, 100), (200, 100)])
    truth = annotations(
        tmp_path / "a.geojson", [(Point(112, 110), "LYT"), (Point(230, 100), "LYT")]
    )
    assert truth_from_boxes(table, truth).table["label"].to_list() == ["LYT", None]
    bare = table.drop("x0", "y0", "x1", "y1")
    assert truth_from_boxes(bare, truth).table["label"].to_list() == ["LYT", "LYT"]


def test_every_picture_has_its_own_annotations(tmp_path: Path) -> None:
    table = pl.concat(predictions([(100, 100)], name) for name in ("a.png", "a.jpg", "b.png"))
    annotations(tmp_path / "a.png.geojson", [(square(100, 100), "LYT")])
    annotations(tmp_path / "a.jpg.geojson", [(square(100, 100), "EOS")])
    annotations(tmp_path / "d.png.geojson", [(square(100, 100), "EOS"), (square(9, 9), "BLA")])
    found = truth_from_boxes(table, tmp_path)
    assert found.table["label"].to_list() == ["LYT", "EOS", None]
    assert (found.elsewhere, found.unseen, found.missed) == (1, 2, {})
    assert "2 annotated cells lie in pictures without predictions" in found.sentences()
    assert "1 predictions lie in pictures without annotations" in found.sentences()


def test_a_slide_goes_by_its_name_and_one_picture_by_any(tmp_path: Path) -> None:
    table = predictions([(100, 100)]).with_columns(
        field_id=pl.lit("r3c4"), slide_id=pl.lit("case.1")
    )
    for name in ("case.1.svs.geojson", "case.1.geojson", "export.geojson"):
        truth = annotations(tmp_path / name, [(square(100, 100), "LYT")])
        assert truth_from_boxes(table, truth).matched == 1


def test_boxes_of_coco_and_yolo_are_truth_too(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    places = [(x + wide / 2, y + high / 2) for _, x, y, wide, high in BOXES]
    table = predictions(places)
    found = truth_from_boxes(table, coco(tmp_path / "c.json", ["a.png"]))
    assert found.table["label"].to_list() == ["BLA", "LYT", "RBC"]
    assert any("stay as they are: RBC (1)" in note for note in found.sentences())
    few = truth_from_boxes(table, tmp_path / "c.json", {"rbc": None})
    assert few.table["label"].to_list() == ["BLA", "LYT", None]
    assert any("left out by the synonyms: RBC (1)" in note for note in few.sentences())
    picture(tmp_path / "y" / "a.png")
    yolo(tmp_path / "y" / "a.txt")
    (tmp_path / "y" / "classes.txt").write_text("BLA\nlymphocyte\nRBC\n")
    assert truth_from_boxes(table, tmp_path / "y").matched == 3


def test_what_cannot_be_matched_is_said(tmp_path: Path) -> None:
    table = pl.concat([predictions([(1, 1)]), predictions([(2, 2)], "b.png")])
    truth = annotations(tmp_path / "other.geojson", [(square(1, 1), "LYT")])
    with pytest.raises(InputError, match=r"is of other, and the predictions are of a.*name the"):
        truth_from_boxes(table, truth)
    far = annotations(tmp_path / "a.geojson", [(square(900, 900), "LYT")])
    with pytest.raises(InputError, match="none of its 1 cells lies where a prediction does"):
        truth_from_boxes(table, far)
    none = annotations(tmp_path / "a.geojson", [(square(1, 1), None)])
    with pytest.raises(InputError, match="no cell in it has a class"):
        truth_from_boxes(table, none)
    with pytest.raises(InputError, match="need the column x"):
        truth_from_boxes(table.drop("x"), far)


@pytest.mark.parametrize("with_path", [True, False], ids=["predictions", "cells of a count"])
def test_evaluate_takes_geojson_as_truth(tmp_path: Path, with_path: bool, shell: Shell) -> None:
    places = [(50.0 * number, 100.0) for number in range(1, 21)]
    table = predictions(places)
    write_cells(table if with_path else table.drop("path"), tmp_path / "p.parquet")
    truth = annotations(
        tmp_path / "a.geojson", [(square(x, y), "BLA" if x < 800 else "LYT") for x, y in places]
    )
    arguments = ["evaluate", tmp_path / "p.parquet", "--truth", truth, "-o", tmp_path / "report"]
    captured = shell(*arguments, "--json")
    summary = json.loads(captured.out)
    assert summary["cells"] == 20
    assert summary["strict"]["accuracy"] == pytest.approx(15 / 20)
    assert "20 cells have a label by their place or id (0 by id)" in captured.err


def test_predictions_in_an_annotated_picture_without_cells_fit_nothing(tmp_path: Path) -> None:
    for seed, name in enumerate(("a.png", "b.png")):
        picture(tmp_path / name, seed)
    file = coco(tmp_path / "c.json", ["a.png", "b.png"])
    content = json.loads(file.read_text())
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] == 1]
    file.write_text(json.dumps(content))
    _, x, y, wide, high = BOXES[0]
    at = [(x + wide / 2, y + high / 2)]
    found = truth_from_boxes(pl.concat([predictions(at), predictions(at, "b.png")]), file)
    assert found.table["label"].to_list() == ["BLA", None]
    assert (found.unlabelled, found.elsewhere) == (1, 0)
