"""The packed pixel store: what goes in comes out, and damage never goes unseen."""

import hashlib
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.cells import read_cells
from marrowscope.dataset import packing as packing
from marrowscope.dataset import pixel_store as storing
from marrowscope.dataset.indexing import index
from marrowscope.dataset.packing import pack
from marrowscope.dataset.pixel_store import (
    IMAGE_BYTES,
    PIXELS,
    RECORD,
    ROWS,
    Key,
    PixelStore,
    open_for_writing,
)
from marrowscope.errors import InputError
from marrowscope.io.image_decoding import read_image
from marrowscope.preprocessing import prepare
from support import dying_pack


def crops(numbers: list[int]) -> np.ndarray:
    """Crops that tell their number in every pixel."""
    made = np.empty((len(numbers), *storing.SHAPE), np.uint8)
    made[:] = np.array(numbers, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return made


def keys(numbers: list[int], microns: float | None = None) -> list[Key]:
    return [(hashlib.sha256(str(number).encode()).hexdigest(), microns) for number in numbers]


def fill(folder: Path, *batches: list[int]) -> Path:
    with open_for_writing(folder) as writer:
        for numbers in batches:
            writer.append(keys(numbers), crops(numbers))
    return folder


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


@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.integers(0, 4), max_size=5))
def test_crops_come_back_under_their_keys_however_they_were_appended(
    tmp_path_factory: pytest.TempPathFactory, batches: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("store") / "s"
    bounds = np.cumsum([0, *batches])
    parts = [list(range(low, high)) for low, high in pairwise(bounds)]
    for part in parts:  # each time a new writer, as in a new process
        fill(folder, part)
    fill(folder)
    store, count = PixelStore(folder), int(bounds[-1])
    assert len(store) == count
    rows = store.rows(keys(list(range(count))))
    assert [int(store.pixels[row, 9, 9, 1]) for row in rows] == list(range(count))
    store.verify(rows)


def test_the_same_content_at_another_pixel_size_is_another_crop(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s") as writer:
        writer.append(keys([1]) + keys([1], 0.2), crops([5, 6]))
    store = PixelStore(tmp_path / "s")
    assert store.rows(keys([1]) + keys([1], 0.2) + keys([1], 0.3)).tolist() == [0, 1, -1]


def test_nothing_is_stored_twice(tmp_path: Path) -> None:
    with open_for_writing(tmp_path / "s") as writer:
        writer.append(keys([1]), crops([1]))
        with pytest.raises(ValueError, match="stored twice"):
            writer.append(keys([2, 1]), crops([2, 1]))
        with pytest.raises(ValueError, match="stored twice"):
            writer.append(keys([2, 2]), crops([2, 2]))


@pytest.mark.parametrize("cut", [1, RECORD.itemsize - 1])
def test_a_torn_last_record_is_left_out_and_cut_off_by_the_next_writer(
    tmp_path: Path, cut: int
) -> None:
    folder = fill(tmp_path / "s", [0, 1], [2])
    size = (folder / ROWS).stat().st_size
    os.truncate(folder / ROWS, size - cut)
    assert len(PixelStore(folder)) == 2
    fill(folder, [3])
    store = PixelStore(folder)
    assert len(store) == 3
    assert (folder / PIXELS).stat().st_size == 3 * IMAGE_BYTES
    row = store.rows(keys([3]))
    store.verify(row)
    assert store.pixels[row[0], 0, 0, 0] == 3


def test_pixels_without_a_record_belong_to_nothing(tmp_path: Path) -> None:
    folder = fill(tmp_path / "s", [0])
    with (folder / PIXELS).open("ab") as stream:
        stream.write(b"half an image")
    assert len(PixelStore(folder)) == 1
    fill(folder, [1])
    store = PixelStore(folder)
    store.verify(store.rows(keys([0, 1])))


def test_a_pixel_file_that_was_cut_short_is_named(tmp_path: Path) -> None:
    folder = fill(tmp_path / "s", [0, 1, 2])
    os.truncate(folder / PIXELS, 2 * IMAGE_BYTES + 10)
    for use in (PixelStore, fill):
        with pytest.raises(InputError, match=r"pixels\.bin: cut short: holds 2 of 3 images"):
            use(folder)


@pytest.mark.parametrize("place", [0, IMAGE_BYTES - 1, 2 * IMAGE_BYTES + 77])
def test_one_changed_byte_is_found_and_its_image_named(tmp_path: Path, place: int) -> None:
    folder = fill(tmp_path / "s", [10, 11, 12])
    with (folder / PIXELS).open("r+b") as stream:
        stream.seek(place)
        stream.write(b"\xff")
    store, bad = PixelStore(folder), place // IMAGE_BYTES
    store.verify(np.array([row for row in range(3) if row != bad]))
    with pytest.raises(InputError, match=rf"image {bad} \(content .*\) is damaged"):
        store.verify(np.arange(3))


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    folder = fill(tmp_path / "s", [0, 1, 2])
    with (folder / ROWS).open("r+b") as stream:
        stream.seek(RECORD.itemsize + 3)
        stream.write(b"\x00\x01")
    with pytest.raises(InputError, match=r"rows\.bin: record 1 is damaged"):
        PixelStore(folder)


def test_a_full_disk_keeps_what_was_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / "s", [0])

    def full(stream: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(storing.os, "fsync", full)
        with pytest.raises(InputError, match=r"No space left.*; 1 images are packed and kept"):
            fill(folder, [1, 2])
    assert (folder / PIXELS).stat().st_size == IMAGE_BYTES
    fill(folder, [1, 2])
    assert len(PixelStore(folder)) == 3


def test_a_second_writer_has_to_wait(tmp_path: Path) -> None:
    with (
        open_for_writing(tmp_path / "s"),
        pytest.raises(InputError, match="another process is packing"),
        open_for_writing(tmp_path / "s"),
    ):
        pass


def test_other_peoples_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("hello")
    with (
        pytest.raises(InputError, match="is not empty and holds no store"),
        open_for_writing(tmp_path / "letters"),
    ):
        pass
    with pytest.raises(InputError, match="no pixel store"):
        PixelStore(tmp_path / "letters")
    (tmp_path / "letters" / "store.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match=r"store\.json: not a store of format 1"):
        PixelStore(tmp_path / "letters")


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
    monkeypatch.setattr(packing, "read_bytes", lambda path: pytest.fail("read again"))
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
