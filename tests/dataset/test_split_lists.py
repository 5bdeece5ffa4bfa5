"""A split given as a list: how rows are matched, and what is refused."""

from pathlib import Path

import polars as pl
import pytest

from marrowscope.dataset.contents import NO_IDS
from marrowscope.dataset.split_lists import apply_split_list
from marrowscope.errors import InputError
from support.split_cells import cells


def test_a_given_list_matches_by_the_end_of_the_path(tmp_path: Path) -> None:
    table = cells({"A": 3, "B": 1})
    (tmp_path / "list.csv").write_text("path,split\nA/0.jpg,train\nB/0.jpg,test\n./A/2.jpg,test\n")
    result = apply_split_list(table, tmp_path / "list.csv")
    assert result.table["split"].to_list() == ["train", None, "test", "test"]
    (tmp_path / "ids.csv").write_text(f"cell_id,split\n{table['cell_id'][1]},val\n")
    assert apply_split_list(table, tmp_path / "ids.csv").table["split"].to_list()[1] == "val"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("path,split\nA/9.jpg,test\n", "none of its 1 names .*A/9.jpg"),
        ("path,split\n0.jpg,test\n", "more than one"),
        ("path\nA/0.jpg\n", "needs a column split"),
        ("path,split\nA/0.jpg,test\nA/0.jpg,train\n", "in part test and in part train"),
        ("path,split\n", "none of its 0 names"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(InputError, match=reason):
        apply_split_list(cells({"A": 3, "B": 1}), tmp_path / "list.csv")


def test_a_list_that_tears_a_patient_apart_is_refused(tmp_path: Path) -> None:
    table = cells({"A": 2}).with_columns(pl.lit("P1").alias("patient_id"))
    (tmp_path / "list.csv").write_text("path,split\nA/0.jpg,train\nA/1.jpg,test\n")
    with pytest.raises(InputError, match="patient_id P1"):
        apply_split_list(table, tmp_path / "list.csv")


def test_a_list_made_elsewhere_fits_as_far_as_it_can_and_says_how_far(tmp_path: Path) -> None:
    table = cells({"A": 4, "B": 1}).with_columns(
        pl.Series("error", ["empty file", None, None, None, None], dtype=pl.String)
    )
    (tmp_path / "list.csv").write_text(
        "Image Path,Label,Split\n/else/A/0.jpg,x,Train\nC:\\else\\A\\1.jpg,x,testing\n"
        "/else/A/2.jpg,x,train\n/else/Z/9.jpg,x,train\n"
    )
    result = apply_split_list(table, tmp_path / "list.csv")
    assert result.table["split"].to_list() == [None, "test", "train", None, None]
    assert any("1 names of the list are not in the table" in line for line in result.warnings)
    assert any("2 usable cells are not in the list" in line for line in result.warnings)
    assert NO_IDS in result.warnings


def test_a_list_with_other_names_of_parts_is_understood_and_one_with_none_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "list.csv").write_text("Datei;Set\nA/0.jpg;Training \nA/1.jpg;hold-out\n")
    result = apply_split_list(cells({"A": 2}), tmp_path / "list.csv")
    assert result.table["split"].to_list() == ["train", "test"]
    (tmp_path / "list.csv").write_text("path,split\nA/0.jpg,group 1\n")
    with pytest.raises(InputError, match="line 2: split 'group 1' is not understood"):
        apply_split_list(cells({"A": 2}), tmp_path / "list.csv")
