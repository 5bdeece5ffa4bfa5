"""Labels that go out are taken by the next step, and by other tools."""

import json
from pathlib import Path

import polars as pl
import pytest

from marrowscope.api.cell_tables import index
from marrowscope.cells import read_cells
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.review.database.connection import Database
from marrowscope.review.readings.final_labels import final_labels, final_readings
from marrowscope.review.readings.reading_cycle import begin_reading
from marrowscope.review.signing.reviewed_cells import reviewed_cells
from marrowscope.review.sources.smear_record import FieldRecord, SmearRecord, add_smear
from marrowscope.review.transfer.label_export import FORMS, export_labels
from marrowscope.review.transfer.label_import import match_labels, read_labels
from support.review_smears import cells, event, new_person, record, send


def reviewed(database: Database, given: SmearRecord) -> pl.DataFrame:
    """Cells of which 1 is a promyelocyte, 2 confirmed, 3 not to be told, 4 none, others open."""
    reader = new_person(database, "anna")
    smear, _ = add_smear(database, given, None)
    reading, _ = begin_reading(database, smear, "first", reader)
    send(
        database, reading.id, reader,
        event("label", cells=[1], code="PMO"), event("comment", cells=[1], text="granules"),
        event("confirm", cells=[2]), event("label", cells=[3], code="?"),
        event("remove", cells=[4]),
    )  # fmt: skip
    with database.reading() as connection:
        labels = final_labels(connection, final_readings(connection, smear))
        return reviewed_cells(connection, smear, labels)


@pytest.fixture
def table(database: Database, tmp_path: Path) -> pl.DataFrame:
    return reviewed(database, record(cells(6, tmp_path)))


@pytest.fixture
def placed(database: Database) -> pl.DataFrame:
    """Cells at 100, 200, … in a field."""
    table = cells().with_columns(
        path=pl.lit("/pictures/field.png"), field_id=pl.lit("field.png"), in_field=pl.lit(True),
        x=pl.Series([100.0 * (row + 1) for row in range(6)]), y=pl.lit(50.0),
        microns_per_pixel=pl.lit(0.1),
    )  # fmt: skip
    field = FieldRecord("field.png", "/pictures/field.png", 0, 0, 900, 700)
    given = SmearRecord("field", "fields", ("/pictures",), "placed", table, (field,), 0.1)
    return reviewed(database, given)


def test_the_table_says_who_decided_what_and_when(table: pl.DataFrame) -> None:
    assert table["label"].to_list() == ["PMO", "NGS", None, None, None, None]
    assert table["review"].to_list() == [
        "decided", "decided", "cannot be told", "no cell", "not reviewed", "not reviewed",
    ]  # fmt: skip
    assert table["annotator"].to_list() == ["Anna"] * 4 + [None] * 2
    assert table["comment"][0] == "granules"
    assert table["labelled_at"].drop_nulls().str.starts_with("20").all()
    assert table.select("p_BLA", "p_NGS", "p_EBO").equals(cells().select("p_BLA", "p_NGS", "p_EBO"))


@pytest.mark.parametrize("form", ["cells.parquet", "cells.csv"])
def test_it_is_a_cell_table(table: pl.DataFrame, tmp_path: Path, form: str) -> None:
    (tmp_path / form).write_bytes(export_labels(table, form)[0])
    found = read_cells(tmp_path / form)
    assert found["label"].to_list() == table["label"].to_list()
    assert found["cell_id"].to_list() == table["cell_id"].to_list()


def test_the_corrections_are_taken_by_index(database: Database, tmp_path: Path) -> None:
    pictures = tmp_path / "BLA"
    pictures.mkdir()
    cells(6, pictures)
    indexed = index(tmp_path)
    assert indexed["label"].to_list() == ["BLA"] * 6
    table = reviewed(database, record(indexed))
    (tmp_path / "corrections.csv").write_bytes(export_labels(table, "corrections.csv")[0])
    again = index(tmp_path / "BLA", relabel=[tmp_path / "corrections.csv"])
    changed = again.filter(pl.col("label") == "PMO")
    assert changed["cell_id"].to_list() == [table["cell_id"][0]]


def test_qupath_s_format_comes_back_as_it_went(placed: pl.DataFrame) -> None:
    data, _ = export_labels(placed, "cells.geojson")
    found = match_labels(read_labels(data, "cells.geojson"), placed)
    assert found.labels == {1: "PMO", 2: "NGS"}
    assert found.unmatched == []


def test_a_label_without_an_id_is_found_by_its_place(placed: pl.DataFrame) -> None:
    collection = json.loads(export_labels(placed, "cells.geojson")[0])
    for feature in collection["features"]:
        feature["properties"]["metadata"] = {}
        x, y = feature["geometry"]["coordinates"]
        feature["geometry"]["coordinates"] = [x + 15, y - 10]  # 1.8 µm
    data = json.dumps(collection).encode()
    assert match_labels(read_labels(data, "cells.geojson"), placed).labels == {1: "PMO", 2: "NGS"}
    for feature in collection["features"]:
        x, y = feature["geometry"]["coordinates"]
        feature["geometry"]["coordinates"] = [x + 30, y]
    far = json.dumps(collection).encode()
    found = match_labels(read_labels(far, "cells.geojson"), placed)
    assert (found.labels, len(found.unmatched)) == ({}, 2)


def test_coco_is_read_by_our_reader_and_comes_back(placed: pl.DataFrame, tmp_path: Path) -> None:
    data, _ = export_labels(placed, "coco.json")
    (tmp_path / "coco.json").write_bytes(data)
    boxes = read_boxes(tmp_path / "coco.json").boxes
    assert [one.name for one in boxes] == ["PMO", "NGS"]
    assert match_labels(read_labels(data, "coco.json"), placed).labels == {1: "PMO", 2: "NGS"}


def test_label_studio_s_tasks_come_back(table: pl.DataFrame) -> None:
    data, _ = export_labels(table, "label-studio.json")
    tasks = json.loads(data)
    assert [len(one["annotations"]) for one in tasks] == [1, 1, 0, 0, 0, 0]
    assert match_labels(read_labels(data, "label-studio.json"), table).labels == {
        1: "PMO",
        2: "NGS",
    }


def test_no_form_tells_where_files_lie_to_other_tools(placed: pl.DataFrame) -> None:
    for form in ("cells.geojson", "coco.json", "label-studio.json"):
        assert b"/pictures" not in export_labels(placed, form)[0]
    assert set(FORMS) == {
        "cells.parquet", "cells.csv", "corrections.csv", "cells.geojson", "coco.json",
        "label-studio.json",
    }  # fmt: skip
