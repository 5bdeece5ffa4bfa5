"""Overlaps are found by landmarks, measured on pixels, and one image of each group is kept."""

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.dataset import overlap_screening as screening
from marrowscope.dataset.crop_orientations import oriented
from marrowscope.dataset.indexing import index
from marrowscope.dataset.overlap_screening import screen
from marrowscope.dataset.split_lists import apply_split_list
from marrowscope.dataset.splitting import folds
from marrowscope.errors import InputError
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.report.overlap_sheet import overlap_sheet


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    settings = FieldSettings(width=1500, height=1300, cells_per_mm2=3000)
    return draw_field(settings, 7, CellLibrary(MICRONS_PER_PIXEL, 7)).image


@pytest.fixture
def table(field: np.ndarray, tmp_path: Path) -> pl.DataFrame:
    places = {"LYT": [(100, 100), (180, 130), (700, 100)], "NGS": [(720, 160), (1100, 900)]}
    for code, corners in places.items():
        (tmp_path / "images" / code).mkdir(parents=True)
        for number, (x, y) in enumerate(corners):
            crop = np.ascontiguousarray(field[y : y + 250, x : x + 250, ::-1])
            cv2.imwrite(str(tmp_path / "images" / code / f"{number}.png"), crop)
    return index([tmp_path / "images"])


def test_one_of_each_group_is_kept_and_the_others_name_it(table: pl.DataFrame) -> None:
    result = screen(table)
    assert result.pairs.height == 2
    assert result.unread == ()
    errors = dict(zip(result.table["cell_id"], result.table["error"], strict=True))
    dropped = [cell for cell, error in errors.items() if error]
    assert len(dropped) == 2
    group_of = dict(result.table.select("cell_id", "overlap_group").rows())
    path_of = dict(table.select("cell_id", "path").rows())
    digest = dict(table.select("cell_id", "sha256").rows())
    for cell in dropped:
        kept = group_of[cell]
        assert errors[cell] == f"shows part of the same field as {path_of[kept]}, which is kept"
        assert digest[kept] < digest[cell]
    assert sorted(map(str, group_of.values())).count("None") == 1
    for row in result.pairs.iter_rows(named=True):
        shift = {abs(row["dx"]), abs(row["dy"])}
        assert shift in ({80, 30}, {20, 60})


@pytest.fixture
def copies(field: np.ndarray, tmp_path: Path) -> pl.DataFrame:
    """Four cells, each with a mirrored copy and one that is turned and smaller."""
    for number, (x, y) in enumerate(((0, 0), (300, 0), (600, 0), (900, 0))):
        folder = tmp_path / "images" / ("LYT" if number < 2 else "NGS")
        folder.mkdir(parents=True, exist_ok=True)
        crop = field[y : y + 250, x : x + 250]
        smaller = oriented(cv2.resize(crop, (225, 225)), 1)
        images = {"": crop, "_flip": oriented(crop, 4), "_rot90": smaller}
        for name, image in images.items():
            cv2.imwrite(str(folder / f"{number}{name}.png"), image)
    return index([tmp_path / "images"])


def test_of_turned_copies_one_is_kept_and_none_crosses_a_split(copies: pl.DataFrame) -> None:
    screened = screen(copies).table
    assert screened.filter(pl.col("error").is_null()).height == 4
    kept = screened.with_columns(pl.lit(None, pl.String).alias("error"))
    for seed in range(4):  # even where a user keeps the copies
        parts = folds(kept, 2, seed=seed).table.group_by("overlap_group")
        assert parts.agg(pl.col("fold").n_unique())["fold"].to_list() == [1] * 4


def test_a_list_that_parts_copies_is_refused(copies: pl.DataFrame, tmp_path: Path) -> None:
    kept = screen(copies).table.with_columns(pl.lit(None, pl.String).alias("error"))
    lines = [f"{path},{'test' if 'flip' in path else 'train'}" for path in kept["path"].to_list()]
    (tmp_path / "list.csv").write_text("\n".join(["path,split", *lines]))
    with pytest.raises(InputError, match=r"overlap_group .* lies in more than one part"):
        apply_split_list(kept, tmp_path / "list.csv")


def test_pairs_say_how_a_copy_lies_and_the_sheet_shows_it_upright(copies: pl.DataFrame) -> None:
    result = screen(copies)
    assert set(result.pairs["orientation"]) >= {"mirrored", "turned by 270°"}
    assert result.pairs.height == 12
    sheet = overlap_sheet(result.table, result.pairs)
    tile = sheet[:250, :500].astype(float)
    assert np.corrcoef(tile[:, :250].ravel(), tile[:, 250:].ravel())[0, 1] > 0.98


def test_the_order_of_rows_decides_nothing(table: pl.DataFrame) -> None:
    one, two = screen(table).table, screen(table[::-1]).table
    assert one.sort("cell_id").equals(two.sort("cell_id"))


def test_a_labelled_image_is_kept_rather_than_one_without(table: pl.DataFrame) -> None:
    kept = set(screen(table).table.filter(pl.col("error").is_null())["cell_id"])
    bare = table.with_columns(
        label=pl.when(pl.col("cell_id").is_in(list(kept))).then(None).otherwise("label")
    )
    result = screen(bare).table
    grouped = result.filter(pl.col("overlap_group").is_not_null())
    assert grouped.filter(pl.col("error").is_null())["label"].null_count() == 0


def test_bad_images_are_reported_and_stay_in_the_table(table: pl.DataFrame) -> None:
    Path(table["path"][0]).write_text("gone bad")
    result = screen(table)
    assert result.table.height == table.height
    assert [path for path, _ in result.unread] == [table["path"][0]]


def test_an_image_that_cannot_be_read_costs_a_killed_screen_no_other_part(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "CHUNK", 2)
    Path(table["path"][0]).write_text("gone bad")
    parts, seen = tmp_path / "landmarks", []

    def stop(count: int, total: int) -> None:
        seen.append(count)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen(table, parts, stop)
    assert len(list(parts.glob("*.npz"))) == 2  # all but the one with the bad image


def test_a_killed_screen_goes_on_with_what_it_had(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "CHUNK", 2)
    parts = tmp_path / "landmarks"

    def stop(count: int, total: int) -> None:
        if len(list(parts.glob("*.npz"))) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen(table, parts, stop)
    next(iter(sorted(parts.glob("*.npz")))).write_bytes(b"torn")
    looked: list[str] = []
    look = screening._look
    monkeypatch.setattr(screening, "_look", lambda cell: (looked.append(cell.path), look(cell))[1])
    result = screen(table, parts)
    assert len(looked) == 3  # the torn part of two, and the one image that was left
    assert result.table.equals(screen(table).table)
    assert not parts.exists()


def test_a_place_that_cannot_be_written_is_one_line(table: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="cannot be written"):
        screen(table, tmp_path / "file" / "landmarks")
