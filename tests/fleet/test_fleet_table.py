"""The table of a fleet comes back as it was written, and nothing else is taken for one."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.fleet.fleet_table import (
    REFUSED,
    TABLE,
    SlideRow,
    read_fleet,
    row_from_dict,
    shown_path,
    write_fleet,
)
from marrowscope.fleet.slide_record import read_record, record_bytes
from support.fleets import a_done_row, leave_record


@pytest.fixture
def rows(tmp_path: Path) -> list[SlideRow]:
    slide = tmp_path / "a.svs"
    slide.write_bytes(b"x")
    done = a_done_row(slide, "a")
    return [done, SlideRow("/b.svs", "b").ended(REFUSED, "no cell"), SlideRow("/c.svs", "c")]


def test_rows_come_back_as_they_were_written(rows: list[SlideRow], tmp_path: Path) -> None:
    assert read_fleet(tmp_path) == []
    write_fleet(rows, tmp_path, {"model": "m"})
    assert read_fleet(tmp_path) == rows
    assert pl.read_parquet(tmp_path / TABLE)["state"].to_list() == ["done", "refused", "waiting"]


def test_the_table_of_an_earlier_version_may_have_fewer_columns(
    rows: list[SlideRow], tmp_path: Path
) -> None:
    write_fleet(rows, tmp_path, {})
    metadata = pl.read_parquet_metadata(tmp_path / TABLE)
    kept = {"kind": metadata["kind"]}
    pl.read_parquet(tmp_path / TABLE).drop("remarks").write_parquet(tmp_path / TABLE, metadata=kept)
    assert read_fleet(tmp_path) == [replace(row, remarks=None) for row in rows]


@pytest.mark.parametrize("content", [b"", b"PAR1 damaged"], ids=["empty", "damaged"])
def test_what_is_no_table_of_a_fleet_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / TABLE).write_bytes(content)
    with pytest.raises(InputError, match="is not the table of a fleet, or damaged"):
        read_fleet(tmp_path)
    pl.DataFrame({"slide": ["a"]}).write_parquet(tmp_path / TABLE)  # somebody's own
    with pytest.raises(InputError, match="is not the table of a fleet"):
        read_fleet(tmp_path)


def test_a_row_with_another_kind_of_value_is_none(rows: list[SlideRow]) -> None:
    good = rows[0].to_dict()
    assert row_from_dict(good) == rows[0]
    for wrong in ({"cells": "many"}, {"state": "odd"}, {"name": None}, {"tries": True}):
        assert row_from_dict({**good, **wrong}) is None
    assert row_from_dict([good]) is None


def test_a_record_is_the_row_beside_the_report(rows: list[SlideRow], tmp_path: Path) -> None:
    leave_record(tmp_path, rows[0])
    assert read_record(tmp_path / "a") == rows[0]
    whole = record_bytes(rows[0])
    for damaged in (
        whole[:-9],
        whole.replace(b'"cells": 500', b'"cells": "x"'),
        b"[1]",
        b"0" * 200_000,
    ):
        (tmp_path / "a" / "slide.json").write_bytes(damaged)
        assert read_record(tmp_path / "a") is None


def test_names_that_are_no_text_are_written_out() -> None:
    assert shown_path("/a/\udcffb.svs") == "/a/\\xffb.svs"
