"""GeoJSON for QuPath: shapes that shapely accepts, and everything back again."""

import gzip
import json
import uuid
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from shapely.geometry import shape

from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.exchange.class_colours import class_colour
from marrowscope.exchange.geojson_writer import (
    by_picture,
    object_id,
    require_target,
    to_geojson,
    write_geojson,
    write_pictures,
)
from marrowscope.morphology import CLASSES, CODES
from support.box_files import picture

CELLS = pl.DataFrame(
    {
        "cell_id": [f"c{number}" for number in range(len(CODES))],
        "field_id": ["a.png"] * len(CODES),
        "x": [20.0 + 25 * number for number in range(len(CODES))],
        "y": [100.25] * len(CODES),
        "x0": [10.5 + 25 * number for number in range(len(CODES))],
        "y0": [90.75] * len(CODES),
        "x1": [30.5 + 25 * number for number in range(len(CODES))],
        "y1": [110.75] * len(CODES),
        "microns_per_pixel": [0.1] * len(CODES),
        **{
            f"p_{code}": np.eye(len(CODES), dtype=np.float32)[:, place]
            for place, code in enumerate(CODES)
        },
        "predicted": list(CODES),
        "confidence": pl.Series([1.0] * len(CODES), dtype=pl.Float32),
    }
)


@pytest.mark.parametrize("name", ["a.png.geojson", "a.geojson.gz"])
@pytest.mark.parametrize("points", [False, True])
def test_places_classes_and_ids_come_back(tmp_path: Path, name: str, points: bool) -> None:
    picture(tmp_path / "a.png")
    write_geojson(to_geojson(CELLS, "a.png", points=points), tmp_path / name)
    table = cells_from_boxes(read_boxes(tmp_path / name)).table
    assert table["error"].null_count() == table.height
    assert table["label"].to_list() == list(CODES)
    assert table["cell_id"].to_list() == CELLS["cell_id"].to_list()
    np.testing.assert_allclose(table["x"], CELLS["x"], atol=0.006)
    np.testing.assert_allclose(table["y"], CELLS["y"], atol=0.006)
    assert set(table["microns_per_pixel"]) == {0.1}
    assert table["x0"].null_count() == (table.height if points else 0)
    if not points:
        np.testing.assert_allclose(table["x1"], CELLS["x1"], atol=0.006)


def test_shapes_are_valid_and_turn_as_the_standard_says() -> None:
    for feature in to_geojson(CELLS)["features"]:
        outline = shape(feature["geometry"])
        assert outline.is_valid
        assert outline.exterior.is_ccw
        assert outline.area == pytest.approx(400)
    for feature in to_geojson(CELLS, points=True)["features"]:
        assert shape(feature["geometry"]).geom_type == "Point"


def test_a_known_outline_takes_the_place_of_the_box(tmp_path: Path) -> None:
    turns = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.stack([200 + 30 * np.cos(turns), 150 + 20 * np.sin(turns)], axis=1)
    cells = CELLS.head(1)
    collection = to_geojson(cells, "a.png", outlines={"c0": circle})
    outline = shape(collection["features"][0]["geometry"])
    assert outline.is_valid
    assert outline.area == pytest.approx(np.pi * 600, rel=0.01)
    picture(tmp_path / "a.png")
    write_geojson(collection, tmp_path / "a.geojson")
    table = cells_from_boxes(read_boxes(tmp_path / "a.geojson")).table
    assert (table["x"][0], table["y"][0]) == pytest.approx((199.5, 149.5), abs=0.01)
    with pytest.raises(InputError, match="at least three points"):
        to_geojson(cells, outlines={"c0": [[1, 2]]})


def test_classes_have_their_names_and_colours() -> None:
    features = to_geojson(CELLS)["features"]
    for feature, cell in zip(features, CLASSES, strict=True):
        given = feature["properties"]["classification"]
        assert given["name"] == cell.name
        assert tuple(given["color"]) == class_colour(cell.code)
        assert feature["properties"]["measurements"][f"p_{cell.code}"] == 1
        assert feature["properties"]["measurements"]["confidence"] == 1
        assert uuid.UUID(feature["id"])
    assert [feature["id"] for feature in features] == [object_id(c) for c in CELLS["cell_id"]]


def test_what_the_count_left_out_has_no_class_and_no_number_is_no_number() -> None:
    cells = CELLS.head(5).with_columns(
        predicted=pl.Series(["BLA", "BLA", "OTH", "mine", "BLA"]),
        role=pl.Series(["left out", "not classified", "not classified", "counted", "novel"]),
        confidence=pl.Series([0.5, None, float("nan"), 0.25, 0.9], dtype=pl.Float32),
        novelty=pl.Series([1.0, None, 1.0, 1.0, 7.0], dtype=pl.Float32),
    )
    features = to_geojson(cells)["features"]
    classes = [f["properties"].get("classification", {}).get("name") for f in features]
    assert classes == [None, None, "other cell", "mine", None]
    assert features[4]["properties"]["measurements"]["novelty"] == 7
    assert ["confidence" in f["properties"]["measurements"] for f in features] == [
        True, False, False, True, True,
    ]  # fmt: skip
    json.dumps(features, allow_nan=False)


def test_the_same_cells_are_the_same_bytes_packed_or_not(tmp_path: Path) -> None:
    for name in ("1.geojson.gz", "2.geojson.gz", "1.geojson"):
        write_geojson(to_geojson(CELLS, "a.png"), tmp_path / name)
    assert (tmp_path / "1.geojson.gz").read_bytes() == (tmp_path / "2.geojson.gz").read_bytes()
    packed = gzip.decompress((tmp_path / "1.geojson.gz").read_bytes())
    assert packed == (tmp_path / "1.geojson").read_bytes()


def test_every_field_image_has_its_file_and_a_slide_has_one(tmp_path: Path) -> None:
    two = CELLS.with_columns(field_id=pl.Series(["a.png"] * 20 + ["b.png"]))
    frames = by_picture(two, "fields")
    assert {name: table.height for name, table in frames.items()} == {"a.png": 20, "b.png": 1}
    assert [path.name for path in write_pictures(frames, tmp_path / "out")] == [
        "a.png.geojson", "b.png.geojson",
    ]  # fmt: skip
    slide = CELLS.with_columns(field_id=pl.lit("r1c2"))
    assert list(by_picture(slide, "in/case.svs")) == ["case.svs"]


def test_a_target_that_cannot_hold_it_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot hold 2 pictures"):
        require_target(tmp_path / "a.geojson", 2)
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="is not an empty folder"):
        require_target(tmp_path, 2)
    require_target(tmp_path / "new", 2)


def test_cells_without_place_and_unknown_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="no column x"):
        to_geojson(CELLS.drop("x"))
    with pytest.raises(InputError, match="detection or annotation"):
        to_geojson(CELLS, object_type="cell")
    with pytest.raises(InputError, match="no column truth"):
        to_geojson(CELLS, classes_from="truth")
    some = CELLS.with_columns(x=pl.when(pl.col("cell_id") == "c3").then(None).otherwise("x"))
    collection = to_geojson(some)
    assert len(collection["features"]) == len(CODES) - 1
    assert collection["marrowscope"]["cells_without_place"] == 1
