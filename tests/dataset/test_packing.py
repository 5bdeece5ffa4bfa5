"""Packing a table's images: what goes in, what is named, and what a killed run leaves."""

import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.cells import read_cells
from marrowscope.dataset import packing as packing
from marrowscope.dataset.indexing import index
from marrowscope.dataset.packing import pack
from marrowscope.dataset.pixel_store import (
    PixelStore,
)
from marrowscope.errors import InputError
from marrowscope.io.image_decoding import read_image
from marrowscope.preprocessing import prepare
from support import dying_pack


@pytest.fixture
def table(tmp_path: Path) -> pl.DataFrame:
    random = np.random.default_rng(0)
    for number in range(7):
        folder = tmp_path / "images" / ("BLA" if number % 2 else "EBO")
        folder.mkdir(parents=True, exist_ok=True)
        side = 250 if number < 5 else 100
        image = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return index([tmp_path / "images"])


def test_packed_crops_are_what_a_prediction_would_see(tmp_path: Path, table: pl.DataFrame) -> None:
    result = pack(table, tmp_path / "s")
    assert (result.images, result.added, result.failed) == (7, 7, ())
    store = PixelStore(tmp_path / "s")
    rows = store.rows(packing.keys_of(table))
    for path, row in zip(table["path"], rows, strict=True):
        np.testing.assert_array_equal(store.pixels[row], prepare(read_image(Path(path)), None))


def test_the_store_holds_its_table_in_the_order_of_the_crops(
    tmp_path: Path, table: pl.DataFrame
) -> None:
    pack(table[4:], tmp_path / "s")
    pack(table.with_columns(batch=pl.lit("second")), tmp_path / "s")
    kept = read_cells(tmp_path / "s" / "cells.parquet")
    assert kept["cell_id"].to_list() == [*table["cell_id"][4:], *table["cell_id"][:4]]
    assert PixelStore(tmp_path / "s").rows(packing.keys_of(kept)).tolist() == list(range(7))
    assert kept["label"].to_list() == [*table["label"][4:], *table["label"][:4]]


def test_packing_again_reads_nothing(
    tmp_path: Path, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(table, tmp_path / "s")
    monkeypatch.setattr(packing, "read_cell_pixels", lambda *_, **__: pytest.fail("read again"))
    assert pack(table, tmp_path / "s").added == 0


def test_bad_and_changed_images_are_named_and_the_rest_is_packed(
    tmp_path: Path, table: pl.DataFrame
) -> None:
    paths = table["path"].to_list()
    Path(paths[0]).write_text("not an image any more")
    Path(paths[1]).unlink()
    result = pack(table, tmp_path / "s")
    assert (result.images, result.added) == (5, 5)
    reasons = dict(result.failed)
    assert "has changed since it was indexed" in reasons[paths[0]]
    assert "No such file" in reasons[paths[1]] or "no such file" in reasons[paths[1]]


def test_a_disk_without_room_is_refused_before_anything_is_written(
    tmp_path: Path, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "SPARE_BYTES", 10**18)
    with pytest.raises(InputError, match=r"7 images need 0\.0 GB and .* GB are free"):
        pack(table, tmp_path / "s")


def test_a_table_without_hashes_says_what_to_do(tmp_path: Path, table: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="lacks content hashes"):
        pack(table.drop("sha256"), tmp_path / "s")


@pytest.mark.parametrize("call", [1, 2, 3, 4, 6])
def test_a_pack_killed_in_the_middle_of_a_write_goes_on(
    tmp_path: Path, table: pl.DataFrame, call: int
) -> None:
    table.write_parquet(tmp_path / "cells.parquet")
    folder = tmp_path / "s"
    command = [sys.executable, dying_pack.__file__, tmp_path / "cells.parquet", folder, str(call)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    result = pack(table, folder)
    # Two writes per batch of two images, crops and records; half of the records is one of them.
    assert result.added == 7 - (call - 1)
    store = PixelStore(folder)
    rows = store.rows(packing.keys_of(table))
    store.verify(rows)
    for path, row in zip(table["path"], rows, strict=True):
        np.testing.assert_array_equal(store.pixels[row], prepare(read_image(Path(path)), None))
