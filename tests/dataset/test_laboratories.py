"""What is said of the laboratories of a table."""

from pathlib import Path

import polars as pl

from marrowscope.dataset.laboratories import (
    cells_by_class_and_laboratory,
    laboratories_before,
    laboratory_names,
    laboratory_of_rows,
    laboratory_warnings,
)
from support.laboratories import cells_of

TWO = {"Munich": {"BLA": 3, "LYT": 2}, "Bonn": {"LYT": 4, "BAS": 1, "NGB": 2}}


def test_cells_are_counted_by_class_and_laboratory() -> None:
    table = cells_of({**TWO, "": {"LYT": 1}})
    assert laboratory_names(table) == ["Bonn", "Munich"]
    assert cells_by_class_and_laboratory(table) == {
        "BLA": {"Bonn": 0, "Munich": 3, "": 0},
        "NGB": {"Bonn": 2, "Munich": 0, "": 0},
        "BAS": {"Bonn": 1, "Munich": 0, "": 0},
        "LYT": {"Bonn": 4, "Munich": 2, "": 1},
    }


def test_rows_with_an_error_or_without_a_label_do_not_count() -> None:
    table = cells_of({"Munich": {"BLA": 3}}).with_columns(
        pl.Series("error", ["empty file", None, None]), pl.Series("label", ["BLA", "BLA", None])
    )
    assert cells_by_class_and_laboratory(table) == {"BLA": {"Munich": 1}}


def test_each_class_that_only_one_laboratory_has_is_named() -> None:
    (line,) = laboratory_warnings(cells_of(TWO))
    assert line == (
        "Classes that only one laboratory has: NGB, BAS (only Bonn); BLA (only Munich). There a "
        "network can learn the laboratory instead of the cell."
    )


def test_a_laboratory_with_one_class_is_named() -> None:
    lines = laboratory_warnings(cells_of({"Munich": {"LYT": 2, "BLA": 3}, "Bonn": {"LYT": 7}}))
    assert lines[1].startswith("Laboratory Bonn has only class LYT (7 images)")


def test_ids_that_several_laboratories_have_count_as_one_patient_and_are_named() -> None:
    table = cells_of({"Munich": {"LYT": 2}, "Bonn": {"LYT": 2}}).with_columns(
        pl.Series("patient_id", ["1", "2", "2 ", "3"])
    )
    assert laboratory_warnings(table)[-1] == (
        "patient_id 2 occurs in several laboratories and counts as one; give different patients "
        "different ids."
    )


def test_of_one_laboratory_or_none_nothing_is_said() -> None:
    one = cells_of({"Munich": {"LYT": 2}})
    assert laboratory_warnings(one) == laboratory_warnings(one.drop("laboratory")) == []
    assert laboratory_of_rows(one.drop("laboratory")).null_count() == 2


def test_laboratories_of_an_earlier_table_are_known_by_its_file(tmp_path: Path) -> None:
    cells_of({**TWO, "": {"LYT": 1}}).write_parquet(tmp_path / "a.parquet")
    assert laboratories_before(tmp_path / "a.parquet") == ["Bonn", "Munich"]
    (tmp_path / "a.parquet").write_text("no table")
    assert laboratories_before(tmp_path / "a.parquet") == []
    assert laboratories_before(tmp_path / "gone.parquet") == []


def test_labelled_rows_without_a_laboratory_among_others_are_counted() -> None:
    both = {"LYT": 2, "NGS": 1}
    lines = laboratory_warnings(cells_of({"A": both, "B": both, "": {"LYT": 5}}))
    assert lines == ["5 labelled images name no laboratory, while others do."]
