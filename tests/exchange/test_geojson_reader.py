"""GeoJSON in the forms that QuPath has written, and what shapely says of the shapes."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, mapping

from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.boxes import Box
from marrowscope.exchange.geojson_reader import read_geojson
from support.box_files import picture

SQUARE = mapping(Polygon([(10, 10), (50, 10), (50, 40), (10, 40)]))


def read(features: Any, path: Path | None = None) -> tuple[Box, ...]:
    collection = {"type": "FeatureCollection", "features": features}
    return read_geojson(path or Path("a.png.geojson"), content=collection).boxes


def feature(geometry: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": more}


@pytest.mark.parametrize(
    "given_class",
    [
        {"name": "blast", "color": [0, 114, 178]},
        {"name": "Blasts", "colorRGB": -16747854},
        {"names": ["BLA"]},
        "BLA",
    ],
)
@pytest.mark.parametrize("key", ["objectType", "object_type", "type"])
def test_all_ways_to_write_type_and_class_are_read(
    tmp_path: Path, given_class: Any, key: str
) -> None:
    picture(tmp_path / "a.png")
    for measurements in ({"confidence": 0.5}, [{"name": "confidence", "value": 0.5}]):
        one = feature(SQUARE, classification=given_class, measurements=measurements)
        one["properties"][key] = "detection"
        (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection",
                                                        "features": [one]}))  # fmt: skip
        table = cells_from_boxes(read_geojson(tmp_path / "a.geojson")).table
        assert table["label"].to_list() == ["BLA"]
        assert table["error"].null_count() == 1
        assert (table["x"][0], table["y"][0]) == (29.5, 24.5)
        assert Path(table["path"][0]).name == "a.png"


def test_the_type_may_stand_in_the_id_as_the_first_versions_had_it() -> None:
    region = feature(SQUARE) | {"id": "PathAnnotationObject"}
    cell = feature(SQUARE) | {"id": "PathDetectionObject"}
    assert len(read([region, cell])) == 1  # the region around the cells is no cell
    assert len(read([region])) == 1


def test_lists_single_features_and_bare_shapes_are_read() -> None:
    one = feature(SQUARE, classification="BLA")
    for content in ([one], one, SQUARE):
        assert len(read_geojson(Path("a.geojson"), content=content).boxes) == 1
    parent = feature(SQUARE, objectType="root", childObjects=[one, one])
    assert len(read([parent])) == 2


def test_regions_and_ignored_classes_are_left_out_and_counted() -> None:
    features = [
        feature(SQUARE, objectType="annotation"),
        feature(SQUARE, objectType="annotation", classification={"name": "Ignore*"}),
        feature(SQUARE, objectType="tmaCore"),
        feature(SQUARE, objectType="detection"),
    ]
    found = read_geojson(Path("a.geojson"), content=features)
    assert len(found.boxes) == 1
    assert len(found.notes) == 3
    assert all(note.startswith("a.geojson: left out 1 objects") for note in found.notes)


ELLIPSE = affinity.rotate(affinity.scale(Point(200, 100).buffer(10, 64), 3, 1.5), 30)
RING = Polygon(Point(80, 80).buffer(30).exterior, [Point(95, 80).buffer(10).exterior.coords])
TWO = MultiPolygon([Point(50, 50).buffer(8), Point(90, 60).buffer(20)])


@pytest.mark.parametrize("outline", [ELLIPSE, RING, TWO], ids=["ellipse", "hole", "two parts"])
def test_the_centre_of_an_outline_is_that_of_its_area(outline: Any) -> None:
    assert outline.is_valid
    for turned in (outline, affinity.scale(outline, -1, 1)):  # either direction of the ring
        (box,) = read([feature(mapping(turned))])
        assert box.centre == pytest.approx((turned.centroid.x, turned.centroid.y), abs=1e-6)
        assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx(turned.bounds)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 3e5), st.floats(0, 3e5)), min_size=3, max_size=12, unique=True)
)
def test_centres_are_those_of_shapely_for_any_outline(places: list[tuple[float, float]]) -> None:
    hull = Polygon(places).convex_hull
    if hull.geom_type != "Polygon" or hull.area < 1:
        return
    (box,) = read([feature(mapping(hull))])
    assert box.centre is not None
    assert box.centre == pytest.approx((hull.centroid.x, hull.centroid.y), rel=1e-6, abs=1e-3)


def test_every_point_of_a_points_annotation_is_a_cell() -> None:
    points = {"type": "MultiPoint", "coordinates": [[1, 2], [30, 40]]}
    boxes = read([feature(points, classification="BLA")])
    assert [box.centre for box in boxes] == [(1, 2), (30, 40)]
    assert all(box.is_point for box in boxes)


@pytest.mark.parametrize(
    ("geometry", "fault"),
    [
        (None, "no geometry"),
        ({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, "LineString, not an outline"),
        ({"type": "Polygon", "coordinates": [[[1, 2], ["x", 4]]]}, "wrong coordinates"),
        ({"type": "Polygon", "coordinates": []}, "wrong coordinates"),
        ({"type": "Polygon"}, "wrong coordinates"),
        ({"type": "Point", "coordinates": [float("nan"), 1]}, "wrong coordinates"),
        ({"type": "GeometryCollection", "geometries": []}, "not an outline"),
    ],
)
def test_shapes_that_are_no_cell_are_rows_with_their_reason(geometry: Any, fault: str) -> None:
    (box,) = read([feature(geometry)])
    assert box.fault is not None
    assert fault in box.fault


def test_an_object_of_no_form_is_a_row_too() -> None:
    assert [bool(box.fault) for box in read([None, 7, {}])] == [True] * 3


def test_names_that_fit_nothing_are_listed_with_their_numbers(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    features = [
        feature(SQUARE, classification=name) for name in ("Tumor", "Tumor: Positive", "BLA")
    ]
    features[1] = feature(
        mapping(Point(90, 90).buffer(9)), classification={"names": ["Tumor", "Positive"]}
    )
    found = read_geojson(tmp_path / "a.geojson", content=features)
    cells = cells_from_boxes(found)
    (note,) = (note for note in cells.notes if "stay as they are" in note)
    assert "Tumor (1" in note
    assert "Tumor: Positive (1" in note
    renamed = cells_from_boxes(found, {"tumor: positive": "PMO"})
    assert renamed.table["label"].to_list()[1] == "PMO"


@pytest.mark.parametrize("content", [b"{", b"\x1f\x8b\x08broken", b"", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["a.geojson", "a.geojson.gz"])
def test_files_that_are_none_are_refused_in_one_line(
    tmp_path: Path, content: bytes, name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as GeoJSON") as caught:
        read_geojson(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_packed_file_that_blows_up_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marrowscope.exchange.geojson_reader.MAX_TEXT", 1000)
    (tmp_path / "a.geojson.gz").write_bytes(gzip.compress(b" " * 5000))
    with pytest.raises(InputError, match="unpacked"):
        read_geojson(tmp_path / "a.geojson.gz")


def test_our_own_note_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    picture(tmp_path / "secret.png")
    own = {"picture": "../secret.png"}
    collection = {"type": "FeatureCollection", "marrowscope": own, "features": [feature(SQUARE)]}
    (tmp_path / "in").mkdir()
    found = read_geojson(tmp_path / "in" / "a.geojson", content=collection)
    assert "secret" not in found.boxes[0].picture
