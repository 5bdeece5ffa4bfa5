"""Cells that are places in a whole slide, from a list to their pixels."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.cell_pixels import cell_images, crop_from_field, read_cell
from marrowscope.dataset.indexing import index
from marrowscope.dataset.packing import pack
from marrowscope.dataset.slide_places import slide_facts
from marrowscope.errors import InputError
from marrowscope.inference.image_sources import expand
from marrowscope.io.image_file import ImageError
from support.command_shell import Shell
from support.slide_files import MICRONS, damage_tile, noise, write_pyramid

IMAGE = noise(700, 900)
APERIO = f"Aperio Image Library v12\r\n900x700 (64x64) |AppMag = 40|MPP = {MICRONS}"
PLACES = [(200.0, 150.0), (650.0, 500.0)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A slide that is too large to be an image, as Aperio writes it; a list with two places."""
    monkeypatch.setattr("marrowscope.io.image_file.MAX_PIXELS", 100_000)
    write_pyramid(tmp_path / "case.svs", IMAGE, description=APERIO)
    lines = [
        f"case.svs,{label},{x},{y}" for label, (x, y) in zip(("BLA", "LYT"), PLACES, strict=True)
    ]
    (tmp_path / "list.csv").write_text("\n".join(["path,label,x,y", *lines]) + "\n")
    return tmp_path


def wanted(x: float, y: float) -> np.ndarray:
    return crop_from_field(IMAGE, x, y, MICRONS)


def test_rows_of_a_list_are_cut_out_of_the_slide_at_its_own_pixel_size(folder: Path) -> None:
    said: list[str] = []
    table = index([folder / "list.csv"], say=said.append)
    assert table["error"].null_count() == 2
    assert table["slide_id"].to_list() == ["case"] * 2
    assert table["microns_per_pixel"].to_list() == pytest.approx([MICRONS] * 2)
    assert table["sha256"].n_unique() == 2
    assert (table["width"][0], table["height"][0]) == (900, 700)
    assert not any("do not state" in line for line in said)
    for cell, place in zip(cell_images(table), PLACES, strict=True):
        np.testing.assert_array_equal(read_cell(cell), wanted(*place))
    assert pack(table, folder / "store").failed == ()
    assert index([folder / "list.csv"]).equals(table)


def test_predict_takes_them_from_the_list_itself(folder: Path) -> None:
    cells = cell_images(expand([str(folder / "list.csv")]))
    np.testing.assert_array_equal(read_cell(cells[1]), wanted(*PLACES[1]))


def test_a_place_beyond_the_slide_is_a_row_with_its_reason(folder: Path) -> None:
    (folder / "list.csv").write_text("path,x,y\ncase.svs,100,100\ncase.svs,901,100\n")
    errors = index([folder / "list.csv"])["error"].to_list()
    assert errors[0] is None
    assert "place outside of the picture (x 901, y 100; it has 900×700 px)" in errors[1]


def test_a_cell_on_a_damaged_tile_is_refused_and_its_neighbour_is_not(folder: Path) -> None:
    damage_tile(folder / "case.svs", 2 * 15 + 3)  # at x 192, y 128
    first, second = cell_images(index([folder / "list.csv"]))
    with pytest.raises(ImageError, match="unreadable at x 192, y 128 px"):
        read_cell(first)
    np.testing.assert_array_equal(read_cell(second), wanted(*PLACES[1]))


def test_a_slide_without_a_place_stays_an_error(folder: Path) -> None:
    (folder / "list.csv").write_text("path,label\ncase.svs,BLA\n")
    assert "more than 64 megapixels" in index([folder / "list.csv"])["error"][0]


def test_a_small_slide_that_is_read_as_an_image_has_its_own_pixel_size(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "case.tif", IMAGE, levels=1)
    (tmp_path / "list.csv").write_text("path,x,y\ncase.tif,200,150\ncase.tif,300,250\n")
    table = index([tmp_path / "list.csv"])
    assert table["microns_per_pixel"].to_list() == pytest.approx([MICRONS] * 2)
    np.testing.assert_array_equal(read_cell(cell_images(table)[0]), wanted(200, 150))


def test_facts_of_what_is_no_slide_are_none_and_of_a_damaged_one_an_error(folder: Path) -> None:
    (folder / "text.svs").write_text("this is no slide")
    with pytest.raises(InputError, match="neither a slide nor an image"):
        slide_facts(str(folder / "text.svs"))
    pl.DataFrame({"a": [1]}).write_csv(folder / "field.png")
    assert slide_facts(str(folder / "field.png")) is None


def test_predict_names_a_damaged_tile_once_for_all_its_cells(folder: Path, shell: Shell) -> None:
    damage_tile(folder / "case.svs", 2 * 15 + 3)
    lines = "".join(f"case.svs,{x},150\n" for x in (195, 200, 205))
    (folder / "list.csv").write_text("path,x,y\n" + lines + "case.svs,650,500\n")
    err = shell("predict", folder / "list.csv", "-o", folder / "predictions.parquet").err
    assert err.count("unreadable at x 192, y 128 px") == 1
    assert "(3 cells)" in err
