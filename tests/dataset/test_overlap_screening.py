"""Overlaps are found by landmarks, measured on pixels, and one image of each group is kept."""

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.dataset import overlap_screening as screening
from marrowscope.dataset.indexing import index
from marrowscope.dataset.landmarks import landmarks
from marrowscope.dataset.overlap_detection import (
    Overlap,
    connected_groups,
    find_overlaps,
    verify_overlap,
)
from marrowscope.dataset.overlap_screening import screen
from marrowscope.errors import InputError
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.synthetic_field import FieldSettings, draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL


def compressed(image: np.ndarray, quality: int = 92) -> np.ndarray:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    settings = FieldSettings(width=1500, height=1300, cells_per_mm2=3000)
    return draw_field(settings, 7, CellLibrary(MICRONS_PER_PIXEL, 7)).image


def cut(field: np.ndarray, x: int, y: int) -> np.ndarray:
    return compressed(np.ascontiguousarray(field[y : y + 250, x : x + 250]))


@settings(max_examples=40, deadline=None)
@given(x=st.integers(-170, 170), y=st.integers(-170, 170), off=st.integers(-3, 3))
def test_the_shift_is_measured_exactly_whatever_the_compression(
    field: np.ndarray, x: int, y: int, off: int
) -> None:
    shared = (250 - abs(x)) * (250 - abs(y)) / 250**2
    one, two = cut(field, 600, 500), cut(field, 600 + x, 500 + y)
    found = verify_overlap(one, two, x + off, y - off)
    if shared < 0.1:
        assert found is None
    elif found is not None:
        assert found[:2] == (x, y)
        assert found[2] == pytest.approx(shared)
    else:  # next to no structure in what they share
        mine = one[max(0, y) : 250 + min(0, y), max(0, x) : 250 + min(0, x)]
        assert shared < 0.25 or mine.std() < 10


def test_crops_of_one_field_are_found_and_no_others(field: np.ndarray) -> None:
    random = np.random.default_rng(0)
    places = [tuple(int(v) for v in random.integers(0, (1250, 1050))) for _ in range(40)]
    crops = [cut(field, *place) for place in places]
    found = find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number])
    truth = {}
    for one, (x1, y1) in enumerate(places):
        for two in range(one + 1, len(places)):
            x, y = places[two][0] - x1, places[two][1] - y1
            shared = max(0, 250 - abs(x)) * max(0, 250 - abs(y)) / 250**2
            if shared:
                truth[one, two] = (x, y, shared)
    large = {pair for pair, (_, _, shared) in truth.items() if shared >= 0.25}
    got = {(pair.one, pair.two): pair for pair in found}
    assert len(large) >= 10
    assert len(large & set(got)) >= 0.97 * len(large)
    assert set(got) <= set(truth)
    for pair, one in got.items():
        assert (one.dx, one.dy) == truth[pair][:2]
        assert one.correlation >= 0.985


def test_cells_that_look_alike_are_no_overlap() -> None:
    # The same drawing on two backgrounds, and shifted noise of the same kind.
    random = np.random.default_rng(0)
    library = CellLibrary(MICRONS_PER_PIXEL, 9)
    fields = [
        draw_field(FieldSettings(width=700, height=600, cells_per_mm2=3000), seed, library).image
        for seed in (1, 2, 3)
    ]
    crops = [
        cut(field, int(x), int(y)) for field in fields for x, y in random.integers(0, 350, (4, 2))
    ]
    found = find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number])
    assert all(pair.one // 4 == pair.two // 4 for pair in found)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_even_images_have_no_landmarks_and_no_overlap(value: int) -> None:
    even = np.full((250, 250, 3), value, np.uint8)
    found = [landmarks(even)] * 3
    assert all(len(one.places) == 0 for one in found)
    assert find_overlaps(found, lambda number: even) == []
    assert verify_overlap(even, even, 10, 10) is None


def test_a_turned_crop_is_no_overlap(field: np.ndarray) -> None:
    one = cut(field, 400, 400)
    turned = np.ascontiguousarray(one[::-1, ::-1])
    crops = [one, turned]
    assert find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number]) == []


def test_groups_are_what_hangs_together() -> None:
    pairs = [Overlap(one, two, 0, 0, 0.5, 1.0) for one, two in ((1, 4), (4, 6), (2, 3))]
    assert connected_groups(8, pairs) == [0, 1, 2, 2, 1, 5, 1, 7]


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
    monkeypatch.setattr(
        screening, "_look", lambda path, size: (looked.append(path), look(path, size))[1]
    )
    result = screen(table, parts)
    assert len(looked) == 3  # the torn part of two, and the one image that was left
    assert result.table.equals(screen(table).table)
    assert not parts.exists()


def test_a_place_that_cannot_be_written_is_one_line(table: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="cannot be written"):
        screen(table, tmp_path / "file" / "landmarks")
