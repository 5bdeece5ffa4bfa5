"""Cells of fields in files and in memory."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image
from polars.testing import assert_frame_equal

import marrowscope as ms
from marrowscope.io.image_encoding import encode_png
from support.smears import PIXEL, piece

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def pixels() -> list[Pixels]:
    return [piece(0), piece(1)[:, :-31]]  # of two sizes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pixels: list[Pixels]) -> Path:
    place = tmp_path_factory.mktemp("smear") / "fields"
    place.mkdir()
    for number, image in enumerate(pixels, 1):
        (place / f"field-{number}.png").write_bytes(encode_png(image))
    return place


@pytest.fixture(scope="module")
def of_files(folder: Path) -> pl.DataFrame:
    return ms.detect(folder, microns_per_pixel=PIXEL)


def test_arrays_have_exactly_the_cells_of_their_pixels_in_files(
    pixels: list[Pixels], of_files: pl.DataFrame
) -> None:
    found = ms.detect(pixels, microns_per_pixel=PIXEL)
    assert found.height > 5
    assert_frame_equal(found.drop("path"), of_files.drop("path"))
    assert found["path"].null_count() == found.height


def test_one_field_may_be_an_array_a_picture_or_a_stack(
    pixels: list[Pixels], of_files: pl.DataFrame
) -> None:
    expected = of_files.filter(pl.col("field_id") == "field-1.png").drop("path")
    for given in (pixels[0], pixels[0][None], [Image.fromarray(pixels[0])]):
        found = ms.detect_in(given, microns_per_pixel=PIXEL)
        assert found.fields == 1
        assert_frame_equal(found.table.drop("path"), expected)


def test_crops_of_arrays_are_those_of_files(
    pixels: list[Pixels], folder: Path, tmp_path: Path
) -> None:
    places = tmp_path / "a", tmp_path / "b"
    for given, place in zip((pixels, folder), places, strict=True):
        table = ms.detect(given, microns_per_pixel=PIXEL, crops=place)
        assert all(Path(path).is_file() for path in table["path"])
    one, two = ({path.name: path.read_bytes() for path in place.iterdir()} for place in places)
    assert one == two


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([np.zeros((9, 9, 3), np.uint8), "a.png"], "`sources` holds a str"),
        (np.zeros((9, 9, 3)), "`sources` is float64"),
        (np.zeros((0, 9, 9, 3), np.uint8), "`sources` is an empty array"),
        ([], "`sources` is an empty list"),
    ],
)
def test_what_is_no_field_is_refused_in_a_line(given: object, reason: str) -> None:
    with pytest.raises(ms.InputError, match=reason):
        ms.detect(given, microns_per_pixel=PIXEL)  # type: ignore[arg-type]


def test_arrays_do_not_state_their_pixel_size(pixels: list[Pixels]) -> None:
    with pytest.raises(ms.InputError, match="fields: does not say its pixel size"):
        ms.detect(pixels)


def test_detected_cells_are_a_table_that_can_be_written(folder: Path, tmp_path: Path) -> None:
    table = ms.detect(
        folder, microns_per_pixel=PIXEL, crops=tmp_path / "crops", output=tmp_path / "c.parquet"
    )
    assert table.height == len(list((tmp_path / "crops").iterdir())) > 0
    assert ms.read_cells(tmp_path / "c.parquet").height == table.height


def test_a_detection_says_how_many_fields_were_looked_at(folder: Path) -> None:
    found = ms.detect_in([folder / "field-1.png"], microns_per_pixel=PIXEL)
    assert (found.fields, found.corrupt) == (1, ())


def test_the_laboratory_of_the_pictures_is_a_column(pixels: list[Pixels], tmp_path: Path) -> None:
    output = tmp_path / "cells.parquet"
    named = ms.detect(pixels[0], microns_per_pixel=PIXEL, laboratory=" Bonn ", output=output)
    assert set(named["laboratory"]) == {"Bonn"}
    assert set(ms.read_cells(output)["laboratory"]) == {"Bonn"}
    with pytest.raises(ms.InputError, match="`laboratory` 'NA': is no name"):
        ms.detect(pixels[0], microns_per_pixel=PIXEL, laboratory="NA")
