"""Tables of cells: made, checked, screened, split, and passed on from step to step."""

from pathlib import Path

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
