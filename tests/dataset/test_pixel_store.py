"""The packed pixel store: what goes in comes out, and damage never goes unseen."""

import hashlib
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.dataset import packing as packing
from marrowscope.dataset import pixel_store as storing
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
