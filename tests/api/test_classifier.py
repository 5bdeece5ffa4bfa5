"""Models by name, and predictions of images in any form."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image
from polars.testing import assert_frame_equal

import marrowscope as ms
from marrowscope.cells import PROBABILITY
from marrowscope.models import DEFAULT_MODEL, SMALL_MODEL

CELLS = 5


@pytest.fixture(scope="module")
def model() -> ms.Model:
    return ms.load_model(engine="openvino")


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    random = np.random.default_rng(0)
    coarse = random.integers(60, 250, (CELLS, 10, 10, 3))
    return np.repeat(np.repeat(coarse, 25, 1), 25, 2).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pixels: NDArray[np.uint8]) -> Path:
    place = tmp_path_factory.mktemp("cells")
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(place / f"{number}.png")
    return place


def values(table: pl.DataFrame) -> NDArray[np.float32]:
    return table.select(pl.col(f"^{PROBABILITY}.*$")).to_numpy()


def test_an_array_is_answered_exactly_as_its_pixels_in_a_file(
    model: ms.Model, folder: Path, pixels: NDArray[np.uint8]
) -> None:
    of_files = model.predict(folder)
    of_array = model.predict(pixels)
    assert np.array_equal(values(of_files), values(of_array))
    assert of_files.columns == of_array.columns
    assert of_array["path"].null_count() == CELLS
    assert of_array["cell_id"].n_unique() == CELLS


def test_files_lists_tables_and_pillow_images_give_the_same_answers(
    model: ms.Model, folder: Path, pixels: NDArray[np.uint8]
) -> None:
    expected = values(model.predict(pixels))
    paths = sorted(folder.glob("*.png"))
    table = ms.index(folder)
    for given in (
        paths,
        [str(path) for path in paths],
        str(folder / "*.png"),
        table,
        list(pixels),
        [Image.open(path) for path in paths],
        [pixels[0], *map(Image.fromarray, pixels[1:])],
    ):
        assert np.array_equal(values(model.predict(given)), expected)


def test_one_image_is_a_table_of_one_row(model: ms.Model, pixels: NDArray[np.uint8]) -> None:
    assert model.predict(pixels[0]).height == 1
    assert model.predict(Image.fromarray(pixels[0])).height == 1


def test_no_image_in_an_array_is_a_table_without_rows(model: ms.Model) -> None:
    table = model.predict(np.empty((0, 250, 250, 3), np.uint8))
    assert table.height == 0
    assert {"cell_id", "predicted", "confidence", "error"} <= set(table.columns)


def test_images_of_other_sizes_and_pixel_sizes_are_prepared_as_files_are(
    model: ms.Model, tmp_path: Path
) -> None:
    image = np.random.default_rng(1).integers(0, 256, (180, 320, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "one.png")
    for microns in (None, 0.1725):
        found = model.predict(image, microns), model.predict(tmp_path / "one.png", microns)
        assert np.array_equal(values(found[0]), values(found[1]))


def test_a_view_into_a_larger_array_is_read_as_it_looks(
    model: ms.Model, pixels: NDArray[np.uint8]
) -> None:
    mirrored = pixels[:, :, ::-1]
    assert np.array_equal(values(model.predict(mirrored)), values(model.predict(mirrored.copy())))


def test_an_unreadable_image_is_a_row_with_its_reason(model: ms.Model, folder: Path) -> None:
    table = model.predict([folder / "0.png", folder / "missing.png"])
    assert table["error"].to_list() == [None, "no such file"]
    assert table["predicted"].is_null().to_list() == [False, True]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (np.zeros((2, 250, 250, 3)), r"`images\[0\]` is float64; give"),
        (np.zeros((250, 250), np.uint8), r"`images` has shape \(250, 250\); give"),
        (np.zeros((2, 3, 250, 250), np.uint8), r"`images\[0\]` has shape \(3, 250, 250\)"),
        ([np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 4), np.uint8)], r"\[1\]` has shape"),
        ([np.zeros((9, 9, 3), np.uint8), "a.png"], "`images` holds a str"),
        ([], "`images` is an empty list"),
        (7, "`images` is a int"),
        (pl.DataFrame({"name": ["a"]}), "no column path"),
    ],
)
def test_what_is_no_image_is_refused_in_a_line(model: ms.Model, given: object, reason: str) -> None:
    with pytest.raises(ms.InputError, match=reason):
        model.predict(given)  # type: ignore[arg-type]


def test_a_table_on_disk_is_the_one_that_is_returned(
    model: ms.Model, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "predictions.parquet"
    table = model.predict(folder, output=output)
    assert_frame_equal(ms.read_cells(output), table)
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_nothing_is_written_when_no_image_can_be_read(model: ms.Model, tmp_path: Path) -> None:
    with pytest.raises(ms.InputError, match="none of 1 images could be read"):
        model.predict(tmp_path / "no.png", output=tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_uncalibrated_model_makes_no_decisions(folder: Path) -> None:
    plain = ms.load_model(engine="openvino", calibrated=False).predict(folder)
    assert "no_call" not in plain.columns


def test_a_model_tells_what_it_is(model: ms.Model) -> None:
    assert model.name == DEFAULT_MODEL
    assert len(model.classes) == 21
    assert " ".join(model.card.known) == "BLA PMO MYB MMZ NGB NGS EOS BAS MON EBO LYT NIF"
    page = model._repr_html_()
    assert ms.RESEARCH_USE_ONLY in page
    assert f"{DEFAULT_MODEL} knows 12 of 21 classes" in page


def test_shipped_models_are_listed_and_unknown_ones_refused() -> None:
    assert {DEFAULT_MODEL, SMALL_MODEL} <= set(ms.available_models()["name"])
    with pytest.raises(ms.InputError, match="nobody: neither a bundle folder nor a shipped model"):
        ms.load_model("nobody")


def test_what_was_converted_is_told_in_a_line_for_every_kind(
    model: ms.Model, pixels: NDArray[np.uint8]
) -> None:
    clear = np.dstack([pixels[0], np.zeros((250, 250), np.uint8)])
    images = [Image.fromarray(clear), Image.fromarray(pixels[1][..., 0]), pixels[2]]
    lines: list[str] = []
    result = model.predict([*images, np.zeros((600, 800, 3), np.uint8)], say=lines.append)
    assert result["note"].to_list()[:3] == [
        "alpha channel ignored (0 everywhere)", "greyscale to RGB", None,
    ]  # fmt: skip
    assert lines == [
        "! 1 image: alpha channel ignored (column note)",
        "! 1 image: greyscale to RGB (column note)",
        "! 1 image: larger than a cell, squeezed as a whole (column note)",
    ]
    assert np.array_equal(values(result)[0], values(model.predict(pixels[0]))[0])


def test_a_set_unlike_the_training_is_remarked_on_from_twenty_cells(
    model: ms.Model, pixels: NDArray[np.uint8]
) -> None:
    said: list[str] = []
    pale = 255 - (255 - np.repeat(pixels, 5, axis=0)) // 3
    model.predict(pale, say=said.append)
    assert any("look unlike those" in line and "lower" in line for line in said)
    said.clear()
    model.predict(pale[:19], say=said.append)
    assert not any("look unlike" in line for line in said)
