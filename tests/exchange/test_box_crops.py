"""Boxes cut out as crops with labels, and read back."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.cell_pixels import cell_digest, cell_images, crop_from_slide, read_cell
from marrowscope.dataset.indexing import index
from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_crops import write_box_crops
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.exchange.geojson_writer import to_geojson, write_geojson
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.slides.open_slide import open_slide
from support.box_files import coco, picture
from support.smears import piece, write_slide


def test_crops_are_read_back_with_the_same_labels_and_show_the_cell(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    found = read_boxes(coco(tmp_path / "c.json", ["a.png"]))
    table = cells_from_boxes(found, microns_per_pixel=MICRONS_PER_PIXEL).table
    cut = write_box_crops(table, tmp_path / "crops", stain=True)
    again = index([tmp_path / "crops"])
    there = dict(again.select("path", "label").rows())
    assert there == dict(cut.select("path", "label").rows())
    assert cut["microns_per_pixel"].null_count() == cut.height  # the crop has the standard one
    assert cut.select("x", "y", "cell_id").equals(table.select("x", "y", "cell_id"))
    assert cut["stain"].null_count() == 0
    assert dict(again.select("path", "sha256").rows()) == dict(cut.select("path", "sha256").rows())
    crop = cv2.imread(cut["path"][0])
    assert crop.shape == (250, 250, 3)
    # The dark square lies in the middle: 80×90 px of it, to the pixel.
    dark = crop.max(axis=2) < 100
    rows, columns = np.nonzero(dark[60:190, 60:190])
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (80, 90)
    assert abs(columns.mean() + 60 - 125) <= 1
    assert abs(rows.mean() + 60 - 125) <= 1


def test_crops_need_a_pixel_size_and_an_empty_folder(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    found = read_boxes(coco(tmp_path / "c.json", ["a.png"]))
    with pytest.raises(InputError, match="give `microns_per_pixel`"):
        write_box_crops(cells_from_boxes(found).table, tmp_path / "crops")
    table = cells_from_boxes(found, microns_per_pixel=0.1).table
    with pytest.raises(InputError, match="is not an empty folder"):
        write_box_crops(table, tmp_path)


@pytest.mark.parametrize("label", ["a/b", "..", "train", "1-1000", ".hidden"])
def test_labels_that_no_folder_gives_back_are_refused(tmp_path: Path, label: str) -> None:
    picture(tmp_path / "a.png")
    found = read_boxes(coco(tmp_path / "c.json", ["a.png"], (("X", 9, 9, 9, 9),)))
    table = cells_from_boxes(found, {"x": label}, 0.1).table
    with pytest.raises(InputError, match="cannot be the name of a folder"):
        write_box_crops(table, tmp_path / "crops")


def test_cells_of_a_whole_slide_are_cut_out_at_its_own_pixel_size(tmp_path: Path) -> None:
    write_slide(tmp_path / "case.tif", piece(1, 300))
    slide = open_slide(tmp_path / "case.tif")
    width, height = slide.size
    centres = [(400.0, 420.0), (650.5, 500.25)]
    places = pl.DataFrame(
        {"cell_id": ["a", "b"], "x": [x for x, _ in centres], "y": [y for _, y in centres],
         "label": ["BLA", "LYT"]}
    )  # fmt: skip
    write_geojson(to_geojson(places, "case.tif", points=True), tmp_path / "case.tif.geojson")
    table = cells_from_boxes(read_boxes(tmp_path / "case.tif.geojson")).table
    assert table["label"].to_list() == ["BLA", "LYT"]
    assert table.select("width", "height").unique().rows() == [(width, height)]
    cut = write_box_crops(
        table.with_columns(microns_per_pixel=pl.lit(slide.microns_per_pixel)), tmp_path / "crops"
    )
    assert cut["error"].null_count() == 2
    for path, (x, y) in zip(cut["path"], centres, strict=True):
        crop = cv2.imread(path)[:, :, ::-1]
        assert crop.shape == (250, 250, 3)
        np.testing.assert_allclose(crop, crop_from_slide(slide, x, y), atol=1)


def test_a_large_slide_is_opened_by_its_reader_and_not_as_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marrowscope.io.image_file.MAX_PIXELS", 100_000)
    write_slide(tmp_path / "case.tif", piece(1, 300))
    places = pl.DataFrame({"cell_id": ["a"], "x": [400.0], "y": [420.0], "label": ["BLA"]})
    write_geojson(to_geojson(places), tmp_path / "case.geojson")
    table = cells_from_boxes(read_boxes(tmp_path / "case.geojson")).table
    assert table["error"].to_list() == [None]
    assert table["slide_id"].to_list() == ["case"]
    digest = hashlib.sha256((tmp_path / "case.tif").read_bytes()).hexdigest()
    assert table["sha256"].to_list() == [cell_digest(digest, (400.0, 420.0))]
    assert table["microns_per_pixel"][0] == pytest.approx(
        open_slide(tmp_path / "case.tif").microns_per_pixel
    )
    cut = write_box_crops(table, tmp_path / "crops")
    assert cut["error"].to_list() == [None]
    # Without crops every later step cuts the same pixels out of the slide.
    crop = cv2.imread(cut["path"][0])[:, :, ::-1]
    np.testing.assert_array_equal(read_cell(cell_images(table)[0]), crop)
