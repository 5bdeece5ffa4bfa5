"""Several cell tables as one."""

import polars as pl
import pytest

from marrowscope.dataset.merging import merge
from marrowscope.errors import InputError
from support.laboratories import cells_of

MUNICH, BONN = (cells_of({name: {"LYT": 2, "NGS": 1}}) for name in ("Munich", "Bonn"))


def test_rows_and_columns_of_all_tables_stay() -> None:
    other = BONN.with_columns(pl.lit(7).alias("age"), pl.lit(0.095).alias("microns_per_pixel"))
    found = merge([("m", MUNICH), ("b", other)])
    assert found.table["laboratory"].to_list() == ["Munich"] * 3 + ["Bonn"] * 3
    assert found.table["age"].to_list() == [None] * 3 + [7] * 3
    assert found.table["error"].null_count() == 6
    assert (found.repeated, found.warnings) == (0, ())


def test_content_of_two_tables_counts_once_and_under_two_labels_never() -> None:
    same = MUNICH.with_columns(
        pl.Series("label", ["LYT", "MON", "NGS"]), pl.lit("Bonn").alias("laboratory"),
        pl.format("/e/{}", "cell_id").alias("path"),
    )  # fmt: skip
    found = merge([("m", MUNICH), ("b", same)])
    assert found.table["error"].to_list()[0::3] == [None, "duplicate of /d/Munich/LYT/0.jpg"]
    assert [str(one)[:15] for one in found.table["error"].to_list()[1::3]] == [
        "same content as"
    ] * 2
    assert found.repeated == 4
    first, again = found.table["cell_id"].to_list()[0::3]
    assert again == f"{first}-2"


def test_errors_of_the_tables_stay_except_of_copies_that_are_not_there() -> None:
    errors = pl.Series("error", ["overlaps x, which is kept", "duplicate of /gone.jpg", None])
    found = merge([("m", MUNICH.with_columns(errors)), ("b", BONN)]).table["error"].to_list()
    assert found == ["overlaps x, which is kept", None, None, None, None, None]


def test_a_table_without_a_laboratory_is_named() -> None:
    (line,) = merge([("m.parquet", MUNICH), ("b.parquet", BONN.drop("laboratory"))]).warnings
    assert line.startswith("no laboratory is named in b.parquet (3 of 3 cells); ")


def test_one_table_or_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="`tables`: name two"):
        merge([("m", MUNICH)])
    with pytest.raises(InputError, match="m, b: the tables do not fit together"):
        merge([("m", MUNICH), ("b", BONN.with_columns(label=pl.concat_list("label")))])
