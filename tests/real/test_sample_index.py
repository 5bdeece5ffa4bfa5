"""Index, check and split on the real sample."""

from pathlib import Path

import polars as pl
import pytest

from marrowscope.cells import read_cells, write_cells
from marrowscope.dataset.contents import check
from marrowscope.dataset.indexing import index
from marrowscope.dataset.splitting import hold_out
from marrowscope.io.image_file import ImageError
from marrowscope.io.image_inspection import inspect
from support.damaged_files import errors, ten_damaged_files

EXPECTED = {"BLA": 450, "EOS": 450, "LYT": 450, "MON": 450, "NGS": 450, "NIF": 450, "PMO": 350}


@pytest.fixture(scope="module")
def table(mll_sample: Path) -> pl.DataFrame:
    return index([mll_sample])


def test_the_sample_has_3050_usable_rows_of_seven_classes(table: pl.DataFrame) -> None:
    result = check(table)
    assert result.rows == result.usable == 3050
    assert result.bad == ()
    assert {c.code: c.images for c in result.classes if c.images} == EXPECTED
    assert result.sizes == (("250×250", 3050),)


def test_ten_damaged_files_thrown_in_are_exactly_those_reported(
    mll_sample: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    for path in mll_sample.rglob("*.jpg"):
        place = data / path.relative_to(mll_sample)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path)
    expected = ten_damaged_files(data / "BLA")
    found = index([data])
    assert errors(found).keys() == expected.keys()
    assert len(expected) == 10
    assert found.height == 3060
    assert check(found).usable == 3050


def test_blocks_of_zeros_are_noticed_in_real_images(mll_sample: Path) -> None:
    noticed = 0
    paths = sorted(mll_sample.rglob("*.jpg"))[::61]
    for path in paths:
        data = path.read_bytes()
        middle = len(data) // 2
        try:
            inspect(data[:middle] + bytes(512) + data[middle + 512 :])
        except ImageError:
            noticed += 1
    assert len(paths) == 50
    assert noticed >= 49  # 507 of 509 at random places


def test_the_split_of_seed_0_holds_out_a_fifth_of_every_class(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    write_cells(hold_out(table, 0.2, seed=0).table, tmp_path / "split.parquet")
    split = read_cells(tmp_path / "split.parquet", needs=["split"])
    counts = dict(split.filter(pl.col("split") == "test").group_by("label").len().rows())
    assert counts == {code: count // 5 for code, count in EXPECTED.items()}
