"""Images are packed beside their table, and get the stain of others."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import marrowscope as ms
from marrowscope.phantom.synthetic_dataset import write_dataset


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder / "cells", {"NGS": 6, "LYT": 6}, masks=False)
    ms.index(folder / "cells", folder / "cells.parquet")
    return folder / "cells.parquet"


def test_images_are_packed_once_beside_their_table(cells: Path) -> None:
    first = ms.pack(cells, verify=True)
    assert (first.folder, first.added) == (cells.with_suffix(".store"), 12)
    again = ms.pack(cells)
    assert (again.images, again.added, again.table.height) == (12, 0, 0)


def test_an_image_that_cannot_be_packed_is_a_row_with_its_reason(
    cells: Path, tmp_path: Path
) -> None:
    table = ms.read_cells(cells)
    gone = table.with_columns(path=pl.lit("gone.png"), sha256=pl.lit("0" * 64))[:1]
    assert ms.pack(gone, tmp_path / "store").table["path"].to_list() == ["gone.png"]


def test_a_table_in_memory_has_no_place_for_a_store(cells: Path) -> None:
    with pytest.raises(ms.InputError, match="`output`: name the store"):
        ms.pack(ms.read_cells(cells))


def test_images_get_the_look_of_a_reference_and_keep_their_rows(
    cells: Path, tmp_path: Path
) -> None:
    table = ms.read_cells(cells)
    made = ms.match_stain(table, cells, tmp_path / "matched")
    assert (made.unread, made.table.height) == (0, table.height)
    assert made.table["cell_id"].to_list() == table["cell_id"].to_list()
    assert all(Path(path).parent == tmp_path / "matched" for path in made.table["path"])
    assert ms.read_cells(tmp_path / "matched" / "cells.parquet").height == table.height


def test_images_in_memory_and_folders_in_use_are_refused(cells: Path, tmp_path: Path) -> None:
    with pytest.raises(ms.InputError, match="`images` are in memory; save them"):
        ms.match_stain(np.zeros((9, 9, 3), np.uint8), cells, tmp_path / "matched")
    (tmp_path / "mine").touch()
    with pytest.raises(ms.InputError, match="is not empty; name a new folder"):
        ms.match_stain(ms.read_cells(cells), cells, tmp_path)
