"""Training pixels: the same wherever they lie; a bad file is named."""

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.dataset.indexing import index
from marrowscope.dataset.packing import pack
from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.errors import InputError
from marrowscope.training import pixel_source as module
from marrowscope.training.pixel_source import PixelSource, choose_store


@pytest.fixture
def table(tmp_path: Path) -> pl.DataFrame:
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number, side in enumerate((250, 250, 100, 400)):
        path = tmp_path / "images" / f"{number}.png"
        cv2.imwrite(str(path), random.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return index([tmp_path / "images"])


def crops(pixels: PixelSource, rows: np.ndarray) -> torch.Tensor:
    images, places = pixels.batch(rows)
    return images if places is None else images[places]


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: 0)


def test_memory_files_store_and_gpu_give_the_same_pixels(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.array([3, 0, 2, 2])
    resident = PixelSource(table)
    assert resident.where == "memory"
    expected = crops(resident, rows)
    assert expected.shape == (4, 250, 250, 3)
    pack(table[[2, 0, 3, 1]], tmp_path / "s")
    packed = PixelSource(table, store=PixelStore(tmp_path / "s"))
    assert packed.where == "store"
    assert torch.equal(crops(packed, rows), expected)
    assert packed.move_to_gpu() is None  # the processor plays the GPU
    assert packed.where == "GPU"
    assert torch.equal(crops(packed, rows), expected)
    assert packed.on_gpu
    packed.leave_gpu()
    assert packed.where == "store"
    assert torch.equal(crops(packed, rows), expected)
    monkeypatch.setattr(module, "free_memory", lambda: 0)
    streamed = PixelSource(table)
    assert streamed.where == "files"
    assert torch.equal(crops(streamed, rows), expected)
    assert len(resident) == len(packed) == len(streamed) == 4


def test_resident_pixels_are_not_copied(table: pl.DataFrame) -> None:
    pixels = PixelSource(table)
    one, _ = pixels.batch(np.array([0]))
    two, places = pixels.batch(np.array([3, 3, 1]))
    assert one.data_ptr() == two.data_ptr()
    assert places is not None
    assert places.tolist() == [3, 3, 1]


def test_a_gpu_without_room_leaves_the_pixels_where_they_are(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = PixelSource(table)
    monkeypatch.setattr(module, "_free_on", lambda device: 1_000_000)
    assert pixels.move_to_gpu() == "0.0 GB of pixels, 0.0 GB free on the GPU"
    assert pixels.where == "memory"
    assert not pixels.on_gpu


def test_a_gpu_that_fills_up_on_the_way_leaves_the_pixels_where_they_are(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = PixelSource(table)

    def exhausted(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module.torch, "empty", exhausted)
    assert "ran out of memory on the way" in str(pixels.move_to_gpu())
    assert pixels.where == "memory"


def test_channels_come_in_the_order_red_green_blue(tmp_path: Path) -> None:
    blue_green_red = np.zeros((250, 250, 3), dtype=np.uint8)
    blue_green_red[..., 2] = 200  # red
    cv2.imwrite(str(tmp_path / "red.png"), blue_green_red)
    pixels = PixelSource(pl.DataFrame({"path": [str(tmp_path / "red.png")]}))
    assert crops(pixels, np.array([0]))[0, 5, 5].tolist() == [200, 0, 0]


def test_reading_reports_every_image_once(table: pl.DataFrame) -> None:
    seen: list[tuple[int, int | None]] = []
    PixelSource(table, lambda count, total=None: seen.append((count, total)))
    assert seen == [(1, 4)] * 4


def test_the_first_unreadable_image_is_named_and_all_are_counted(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("not an image")
    bad = pl.DataFrame({"path": [str(tmp_path / "text.jpg"), str(tmp_path / "gone.jpg")]})
    with pytest.raises(InputError, match=r"text\.jpg.*\(2 of 6 images cannot be read"):
        PixelSource(pl.concat([table.select("path"), bad]))


def test_a_store_pays_only_where_memory_is_short_or_it_is_there(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "s"
    assert choose_store(table, place, given=False) == (None, None)
    assert choose_store(table.drop("sha256"), place, given=False) == (None, None)
    assert not place.exists()
    with pytest.raises(InputError, match="no pixel store"):
        choose_store(table, place, given=True)
    pack(table[:3], place)
    assert choose_store(table, place, given=False) == (None, None)
    monkeypatch.setattr(module, "free_memory", lambda: 0)
    store, remark = choose_store(table, place, given=False)
    assert store is not None
    assert len(store) == 4
    assert "packed into" in str(remark)


@pytest.mark.usefixtures("no_memory")
def test_without_room_on_the_disk_images_are_read_and_that_is_said(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPARE_BYTES", 10**18)
    store, remark = choose_store(table, tmp_path / "s", given=False)
    assert store is None
    assert "neither into memory nor onto the disk" in str(remark)
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("no_memory")
def test_an_image_that_cannot_be_packed_is_named(table: pl.DataFrame, tmp_path: Path) -> None:
    Path(table["path"][1]).write_text("gone bad")
    with pytest.raises(InputError, match=r"1\.png: the file has changed .*\(1 images"):
        choose_store(table, tmp_path / "s", given=False)
