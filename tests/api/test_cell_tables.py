"""Tables of cells: made, checked, screened, split, and passed on from step to step."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import marrowscope as ms
from marrowscope.phantom.synthetic_dataset import write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("drawn")
    write_dataset(place, {"NGS": 5, "LYT": 5}, masks=False)
    return place


def test_each_step_takes_what_the_one_before_returns(folder: Path, tmp_path: Path) -> None:
    table = ms.index(str(folder), tmp_path / "cells.parquet")
    assert_frame_equal(ms.read_cells(tmp_path / "cells.parquet"), table)
    made = ms.split(ms.screen(table), test=0.4)
    assert set(made.table["split"].drop_nulls()) == {"train", "test"}
    assert ms.check(made).usable == 10


def test_a_table_on_disk_gives_the_same_split_as_one_in_memory(
    folder: Path, tmp_path: Path
) -> None:
    table = ms.index([folder], tmp_path / "cells.parquet")
    one = ms.split(tmp_path / "cells.parquet", folds=2, output=tmp_path / "folds.parquet")
    assert_frame_equal(one.table, ms.split(table, folds=2).table)
    assert_frame_equal(ms.read_cells(tmp_path / "folds.parquet"), one.table)


def test_two_ways_to_split_are_refused(folder: Path) -> None:
    with pytest.raises(ms.InputError, match="one of `test`, `folds` and `by_list`"):
        ms.split(ms.index(folder), test=0.2, folds=5)


def test_an_error_about_a_table_names_its_file(folder: Path, tmp_path: Path) -> None:
    ms.write_cells(ms.index(folder).drop("label"), tmp_path / "bare.parquet")
    with pytest.raises(ms.InputError, match=r"bare\.parquet: the table has no labels"):
        ms.split(tmp_path / "bare.parquet")
    with pytest.raises(ms.InputError, match=r"cells\.txt: give it the suffix"):
        ms.index(folder, tmp_path / "cells.txt")


def test_an_index_that_forgets_the_laboratories_of_the_last_one_says_so(
    folder: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    ms.index(folder, tmp_path / "cells.parquet", laboratory="Bonn", say=said.append)
    assert not any("laboratories" in line for line in said)
    ms.index(folder, tmp_path / "cells.parquet", say=said.append)
    (line,) = (line for line in said if "laboratories" in line)
    assert "named laboratories (Bonn), and this one names none; give `laboratory`" in line


def test_every_step_carries_the_laboratory(folder: Path, tmp_path: Path) -> None:
    munich = ms.index(folder, tmp_path / "munich.parquet", laboratory="Munich")
    write_dataset(tmp_path / "bonn", {"NGS": 4, "LYT": 4}, seed=9, masks=False)
    bonn = ms.index(tmp_path / "bonn", laboratory="Bonn")
    made = ms.split(ms.screen(ms.merge([tmp_path / "munich.parquet", bonn])), test=0.5)
    ms.write_cells(made.table, tmp_path / "split.csv")
    for table in (munich, bonn):
        kept = made.table.filter(pl.col("cell_id").is_in(table["cell_id"].implode()))
        assert set(kept["laboratory"]) == set(table["laboratory"])
    assert_frame_equal(
        ms.read_cells(tmp_path / "split.csv").select("cell_id", "laboratory", "split"),
        made.table.select("cell_id", "laboratory", "split"),
    )
    assert ms.check(made).laboratories["NGS"] == {"Bonn": 4, "Munich": 5}
    assert made.laboratories() == ["Bonn", "Munich"]
