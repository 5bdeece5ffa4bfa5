"""Labels in doubt: a list in memory, and the same in a folder that keeps what was filled in."""

from pathlib import Path

import polars as pl
import pytest

import marrowscope as ms
from support.predictions import predictions


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return predictions(60, codes=("BLA", "LYT", "NGS"))


def test_the_list_and_its_numbers_agree(table: pl.DataFrame) -> None:
    found = ms.find_label_issues(table, share=0.2)
    assert found.classes["cells"].sum() == found.issues.judged == 60
    assert found.classes["listed"].sum() == found.table.height == found.to_dict()["listed"]
    assert found.warnings == ()


def test_cells_that_were_trained_on_are_left_out_and_said(table: pl.DataFrame) -> None:
    split = table.with_columns(split=pl.Series(["train"] * 10 + ["test"] * 50))
    assert ms.find_label_issues(split).warnings[0].startswith("10 cells left out")


def test_corrections_that_were_filled_in_are_not_overwritten(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    found = ms.find_label_issues(table, tmp_path / "suspects", share=0.2)
    listed = tmp_path / "suspects" / "suspects.csv"
    rows = pl.read_csv(listed, infer_schema=False)
    assert rows.height == found.table.height
    rows.with_columns(corrected=pl.lit("BLA")).write_csv(listed)
    with pytest.raises(ms.InputError, match="corrections, which would be lost"):
        ms.find_label_issues(table, tmp_path / "suspects")


def test_an_argument_out_of_range_is_named(table: pl.DataFrame) -> None:
    with pytest.raises(ms.InputError, match="`share` is 0"):
        ms.find_label_issues(table, share=0)


def test_the_result_is_told_by_laboratory_where_there_are_several(table: pl.DataFrame) -> None:
    half = pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("Bonn"))
    found = ms.find_label_issues(table.with_columns(laboratory=half.otherwise(pl.lit("Ulm"))))
    assert found.by_laboratory["laboratory"].to_list() == ["Bonn", "Ulm"]
    assert found.by_laboratory["listed"].sum() == found.table.height
    assert found.to_dict()["laboratories"]["Bonn"]["cells"] == 20
    assert ms.find_label_issues(table).by_laboratory.height == 0
