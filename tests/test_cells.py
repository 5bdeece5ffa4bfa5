"""The cell table: tolerant readers, writers that drop nothing."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.cells import (
    group_column,
    note_counts,
    probabilities,
    probability_codes,
    read_cells,
    usable,
    write_cells,
)
from marrowscope.errors import InputError

TABLE = pl.DataFrame(
    {
        "cell_id": ["a", "b"],
        "path": ["1.png", "2.png"],
        "p_BLA": [0.25, None],
        "predicted": ["BLA", None],
        "stain": [[0.1] * 6, None],
        "my_own": ["kept", "too"],
    },
    schema_overrides={"stain": pl.Array(pl.Float32, 6), "p_BLA": pl.Float32},
)


def test_parquet_keeps_every_column_known_or_not(tmp_path: Path) -> None:
    write_cells(TABLE, tmp_path / "t.parquet")
    assert read_cells(tmp_path / "t.parquet").equals(TABLE)


def test_csv_keeps_all_but_the_array(tmp_path: Path) -> None:
    write_cells(TABLE, tmp_path / "t.csv")
    assert read_cells(tmp_path / "t.csv").equals(TABLE.drop("stain"))


def test_numbers_in_id_columns_of_a_csv_become_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("cell_id,path,patient_id\n1,a.png,7\n")
    assert read_cells(tmp_path / "t.csv").row(0) == ("1", "a.png", "7")


def test_ids_in_a_csv_keep_their_zeros_and_late_fractions_are_read(tmp_path: Path) -> None:
    rows = "".join(f"{row:04d},a.png,{row},{row}\n" for row in range(200))
    (tmp_path / "t.csv").write_text(f"cell_id,path,x,mine\n{rows}last,a.png,1.5,2.5\n")
    found = read_cells(tmp_path / "t.csv")
    assert found["cell_id"][7] == "0007"
    assert found["x"][200] == 1.5
    assert found["mine"][200] == 2.5


def test_probabilities_are_an_array_with_nan_where_there_is_none() -> None:
    np.testing.assert_allclose(probabilities(TABLE), [[0.25], [np.nan]])


def predicted_table(**columns: object) -> pl.DataFrame:
    """Two predicted rows of classes a and b and one without prediction."""
    return pl.DataFrame(
        {
            "cell_id": ["1", "2", "3"],
            "path": ["1.png", "2.png", "3.png"],
            "p_a": [0.75, 0.5, None],
            "p_b": [0.125, 0.25, None],
            "p_never": [0.125, 0.25, None],
            "predicted": ["a", "a", None],
            "label": ["a", "b", "b"],
            **columns,
        }
    )


def test_a_whole_set_of_probabilities_is_known_by_its_sum() -> None:
    assert probability_codes(predicted_table()) == ["a", "b", "never"]


@pytest.mark.parametrize(
    "values", [[0.03, 0.5, 0.2], ["0.03", "0.5", "x"], [1, 2, 3], [True, False, True]]
)
def test_a_users_column_that_begins_like_a_probability_is_left_alone(
    values: list[object], tmp_path: Path
) -> None:
    mine = predicted_table(p_value=values)
    assert probability_codes(mine)[:2] == ["a", "b"]
    assert "value" not in probability_codes(mine)
    assert probability_codes(mine, ["a", "b", "never"]) == ["a", "b", "never"]
    np.testing.assert_allclose(probabilities(mine)[:2, :2], [[0.75, 0.125], [0.5, 0.25]])
    for suffix in ("parquet", "csv"):
        write_cells(mine, tmp_path / f"t.{suffix}")
        assert read_cells(tmp_path / f"t.{suffix}")["p_value"].to_list() == values


def test_without_a_prediction_only_the_21_classes_are_probabilities() -> None:
    table = predicted_table(p_BLA=[0.5, 0.5, 0.5], p_value=[0.1, 0.2, 0.3])
    assert probability_codes(table.drop("predicted", "label", "p_never")) == ["BLA"]


def test_a_class_of_the_scheme_with_text_for_probabilities_is_refused(tmp_path: Path) -> None:
    write_cells(predicted_table(p_BLA=["high", "low", None]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="wrong type"):
        read_cells(tmp_path / "t.parquet")


def test_rows_with_an_error_are_not_usable() -> None:
    table = TABLE.with_columns(error=pl.Series([None, "empty file"], dtype=pl.String))
    assert usable(table)["cell_id"].to_list() == ["a"]
    assert usable(TABLE).height == 2


def test_patients_come_before_slides_and_must_be_complete() -> None:
    ids = TABLE.with_columns(
        patient_id=pl.Series(["P", None], dtype=pl.String), slide_id=pl.Series(["s", "t"])
    )
    assert group_column(ids) == "slide_id"
    assert group_column(ids.with_columns(patient_id=pl.lit("P"))) == "patient_id"
    assert group_column(TABLE) is None


@pytest.mark.parametrize("content", [b"", b"garbage", b"PAR1 half"])
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"t\.parquet"):
        read_cells(tmp_path / "t.parquet")


def test_missing_files_and_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_cells(tmp_path / "gone.parquet")
    write_cells(TABLE, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="no column label"):
        read_cells(tmp_path / "t.parquet", needs=["label"])
    write_cells(TABLE.with_columns(x=pl.lit("left")), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="wrong type"):
        read_cells(tmp_path / "t.parquet")


def test_notes_are_counted_by_kind() -> None:
    notes = ["16-bit to 8-bit; greyscale to RGB", None, "16-bit to 8-bit", "depth (largest 7)",
             "depth (largest 9, white is 15)"]  # fmt: skip
    assert note_counts(notes) == (("16-bit to 8-bit", 2), ("depth", 2), ("greyscale to RGB", 1))
    assert note_counts(["blurred; depth (7)"], ["blurred"]) == (("depth", 1),)


def test_a_table_saved_again_by_a_german_excel_is_the_same_table(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"cell_id": ["a", "b"], "path": ["/ä.jpg", "/b.jpg"], "patient_id": ["007", None],
         "label": ["BLA", "LYT"], "p_BLA": [0.75, 1e-05], "p_LYT": [0.25, 0.99999],
         "predicted": ["BLA", "LYT"], "confidence": [0.75, 0.99999], "no_call": [True, False]},
    )  # fmt: skip
    write_cells(table, tmp_path / "plain.csv")
    rows = [line.split(",") for line in (tmp_path / "plain.csv").read_text().splitlines()]
    german = "\r\n".join(
        ";".join(
            field.replace(".", ",") if field[:1].isdigit() else
            {"true": "WAHR", "false": "FALSCH", "007": "007 "}.get(field, field)
            for field in row
        )
        for row in rows
    )  # fmt: skip
    for encoding in ("utf-8-sig", "cp1252", "utf-16"):
        (tmp_path / "excel.csv").write_bytes(german.encode(encoding))
        assert read_cells(tmp_path / "excel.csv").equals(read_cells(tmp_path / "plain.csv"))
    assert read_cells(tmp_path / "excel.csv")["no_call"].to_list() == [True, False]


def test_what_is_no_table_is_said_without_the_words_of_a_library(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense PAR1")
    (tmp_path / "b.parquet").write_bytes(b"")
    for path, reason in (
        ("a.parquet", "no Parquet file, or damaged"),
        ("b.parquet", "is an empty file, not a cell table"),
        (".", "is a folder, not a cell table"),
    ):
        with pytest.raises(InputError, match=reason):
            read_cells(tmp_path / path)
    (tmp_path / "c.csv").write_text("cell_id,path,x\na,b,left\n")
    with pytest.raises(InputError, match=r"column x has the wrong type.*row 1: 'left'"):
        read_cells(tmp_path / "c.csv")


def test_a_row_without_a_path_is_a_row_with_an_error(tmp_path: Path) -> None:
    table = pl.DataFrame({"cell_id": ["a", "b", "c"], "path": [None, "/x.png", None]})
    table.write_parquet(tmp_path / "t.parquet")
    assert read_cells(tmp_path / "t.parquet")["error"].to_list() == [
        "no path in the table", None, "no path in the table",
    ]  # fmt: skip
