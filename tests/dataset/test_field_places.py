"""Cells that are places in fields, from a list to their pixels."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.cell_pixels import CellImage, cell_images, cell_of, read_cell
from marrowscope.dataset.field_places import mark_places
from marrowscope.dataset.indexing import index
from marrowscope.dataset.packing import pack
from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.dataset.splitting import hold_out
from marrowscope.errors import InputError
from marrowscope.inference.image_sources import expand
from marrowscope.io.image_encoding import encode_png
from marrowscope.io.image_file import ImageError

SHADES = [(40, 200), (90, 120)]


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Four squares of 250 px, each of one shade; a list with their middles."""
    shades = np.array(SHADES, np.uint8)
    grey = np.kron(shades, np.ones((250, 250), np.uint8))
    (tmp_path / "field.png").write_bytes(encode_png(np.repeat(grey[..., None], 3, 2)))
    (tmp_path / "list.csv").write_text(
        "path;label;x;y\nfield.png;BLA;124,5;124,5\nfield.png;EOS;374,5;124,5\n"
        "field.png;BLA;124,5;374,5\nfield.png;LYT;374,5;374,5\n"
    )
    return tmp_path


def shades_of(table: pl.DataFrame) -> list[int]:
    return [round(float(np.median(read_cell(cell)))) for cell in cell_images(table)]


def test_every_row_is_a_cell_cut_out_at_its_place(field: Path) -> None:
    said: list[str] = []
    table = index([field / "list.csv"], say=said.append)
    assert table["error"].null_count() == 4
    assert table["cell_id"].n_unique() == table["sha256"].n_unique() == 4
    assert table["in_field"].all()
    assert table["field_id"].to_list() == ["field.png"] * 4
    assert shades_of(table) == [40, 200, 90, 120]
    rows = [cell_of(row) for row in table.iter_rows(named=True)]
    assert rows == cell_images(table)
    assert any("4 cells have positions (x and y) in 1 fields" in line for line in said)
    assert any("do not state their pixel size" in line for line in said)


def test_predict_sees_the_same_cells_in_the_list_itself(field: Path) -> None:
    said: list[str] = []
    assert shades_of(expand([str(field / "list.csv")], say=said.append)) == [40, 200, 90, 120]
    assert any("positions" in line for line in said)


def test_a_pixel_size_widens_the_window(field: Path) -> None:
    table = index([field / "list.csv"], microns_per_pixel=0.08625 / 2)
    crop = read_cell(cell_images(table)[0])
    # Twice as many pixels of the field: the neighbours come into sight, those outside mirrored.
    assert sorted(np.unique(np.median(crop.reshape(250, 250, 3), axis=2)).tolist())[0] == 40
    assert (crop[125, -1] == 200).all()
    with pytest.raises(InputError, match="`microns_per_pixel` is 100"):
        index([field / "list.csv"], microns_per_pixel=100)


def test_images_of_single_cells_take_the_pixel_size_too(field: Path) -> None:
    (field / "one.csv").write_text("path,mpp\nfield.png,0.2\n")
    said: list[str] = []
    (one,) = index([field / "field.png"], microns_per_pixel=0.1, say=said.append).rows(named=True)
    assert one["microns_per_pixel"] == 0.1
    assert said == ["images that do not state their pixel size are taken for 0.1 µm/px"]
    own = index([field / "one.csv"], microns_per_pixel=0.1)
    assert own["microns_per_pixel"].to_list() == [0.2]


def test_places_outside_and_repeated_places_are_rows_with_their_reason(field: Path) -> None:
    (field / "more.csv").write_text(
        "path,label,x,y\nfield.png,BLA,100,100\nfield.png,LYT,100,100\nfield.png,EOS,900,10\n"
        "field.png,EOS,300,300\n"
    )
    errors = index([field / "more.csv"])["error"].to_list()
    assert errors[0] is not None
    assert "at x 100, y 100, which is labelled LYT" in errors[0]
    assert errors[2] == "place outside of the picture (x 900, y 10; it has 500×500 px)"
    assert errors[3] is None


def test_a_second_index_of_the_same_list_is_the_same(field: Path) -> None:
    first = index([field / "list.csv"], field / "cells.parquet")
    assert index([field / "list.csv"], field / "cells.parquet").equals(first)


def test_a_picture_of_one_cell_that_says_where_it_came_from_stays_whole() -> None:
    columns = {"path": ["/a.png", "/b.png"], "sha256": ["0" * 64, "1" * 64], "error": [None, None],
               "width": [250, 250], "height": [250, 250], "x": [12000.0, 100.0],
               "y": [800.0, 100.0]}  # fmt: skip
    table, notes = mark_places(pl.DataFrame(columns, schema_overrides={"error": pl.String}))
    assert "in_field" not in table.columns
    assert notes == ()


def test_cells_of_one_field_stay_on_one_side_of_a_split(field: Path) -> None:
    table = index([field / "list.csv"])
    other = table.with_columns(
        pl.lit("/other.png").alias("path"), pl.col("cell_id") + "b", pl.col("sha256") + "b"
    )
    split = hold_out(pl.concat([table, other]), 0.5).table
    assert split.group_by("path").agg(pl.col("split").n_unique())["split"].to_list() == [1, 1]


def test_a_store_holds_each_cell_of_a_field(field: Path) -> None:
    table = index([field / "list.csv"])
    assert pack(table, field / "store").failed == ()
    store = PixelStore(field / "store")
    assert sorted(int(np.median(store.pixels[row])) for row in range(4)) == [40, 90, 120, 200]


def test_a_place_that_is_no_number_is_said(field: Path) -> None:
    cell = CellImage(str(field / "field.png"), None, (float("nan"), 3.0))
    with pytest.raises(ImageError, match=r"its place in the picture is no number \(x nan, y 3\)"):
        read_cell(cell)
