"""What is no marrow smear ends in one clear sentence, or in a report of how few cells it had."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from numpy.typing import NDArray

from marrowscope.counting.count_smear import CountSettings
from marrowscope.counting.smear_sources import open_smears
from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode
from marrowscope.io.image_encoding import encode_jpeg, encode_png
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from support.slide_files import draw_cells, on_glass, write_pyramid
from support.smears import PIXEL, ByColour, counted, piece, write_slide

PHOTOS = Path(skimage.__file__).parent / "data"


def refusal(path: Path, microns_per_pixel: float = PIXEL) -> str:
    with pytest.raises(InputError) as caught:
        counted([path], microns_per_pixel=microns_per_pixel)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(str(path))
    return line


def as_field(folder: Path, picture: NDArray[np.uint8]) -> Path:
    path = folder / "field.png"
    path.write_bytes(encode_png(picture))
    return path


def glass(value: int = 240, spread: float = 2.0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(value, spread, (1200, 1600, 3))
    return np.clip(noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("value", "spread"), [(255, 0), (240, 3), (180, 6), (0, 0)])
def test_an_empty_slide(value: int, spread: float, tmp_path: Path) -> None:
    path = write_slide(tmp_path / "empty.tif", glass(value, spread), border=0)
    assert "count" not in refusal(path)


@pytest.mark.parametrize(("value", "spread"), [(255, 0), (240, 3), (180, 6), (0, 0)])
def test_a_field_of_pure_background(value: int, spread: float, tmp_path: Path) -> None:
    path = as_field(tmp_path, glass(value, spread))
    line = refusal(path, 0.1)
    assert "no nucleated cell in 1 field" in line or "no cells can be judged" in line


def test_a_slide_of_blood_without_marrow(tmp_path: Path) -> None:
    picture = draw_cells(900, 900, 0.4, 30, seed=5)
    line = refusal(write_slide(tmp_path / "blood.tif", picture))
    assert "blood rather than marrow, 1 nucleated cell to" in line


def blood(seed: int, per_mm2: float) -> NDArray[np.uint8]:
    settings = FieldSettings(
        width=1200,
        height=1000,
        microns_per_pixel=0.25,
        composition="blood",
        cells_per_mm2=per_mm2,
        excluded=0,
        red=0.2 + 0.25 * seed,
    )
    return draw_field(settings, seed).image


def test_fields_of_blood_are_counted_and_called_blood(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(encode_png(blood(seed, 60)))
    result = counted([tmp_path], engine=ByColour(("NGS", "LYT")), microns_per_pixel=0.25)
    assert result.remarks[0].startswith("This looks like blood rather than marrow")
    countable = result.differential.tally.countable
    assert 0 < countable < 15
    assert result.remarks[1].startswith(f"Only {countable} countable cells: too few")


@pytest.mark.parametrize("seed", [0, 3])  # the second in a stain in which red cells are bluish
def test_fields_of_red_cells_alone(seed: int, tmp_path: Path) -> None:
    line = refusal(as_field(tmp_path, blood(seed, 0.1)), 0.25)
    assert "no nucleated cell in 1 field" in line
    assert "blood rather than marrow" in line


@pytest.mark.parametrize("blur", [2.5, 6.0])
def test_an_out_of_focus_slide(blur: float, tmp_path: Path) -> None:
    picture = cv2.GaussianBlur(piece(1, 700), (0, 0), blur)
    line = refusal(write_slide(tmp_path / "blurred.tif", picture))
    assert "no place where cells can be judged" in line


@pytest.mark.parametrize("blur", [1.2, 2.5])  # µm
def test_out_of_focus_fields(blur: float, tmp_path: Path) -> None:
    drawn = draw_field(FieldSettings(width=900, height=800), 3)
    picture = cv2.GaussianBlur(drawn.image, (0, 0), blur / drawn.microns_per_pixel)
    line = refusal(as_field(tmp_path, picture), drawn.microns_per_pixel)
    assert "no cells can be judged, out of focus" in line


@pytest.mark.parametrize("microns", [0.08625, 0.25])
@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "camera.png", "grass.png"])
def test_a_photo(name: str, microns: float, tmp_path: Path) -> None:
    picture = decode((PHOTOS / name).read_bytes(), name)
    assert "colours that no Romanowsky stain has" in refusal(as_field(tmp_path, picture), microns)
    line = refusal(write_pyramid(tmp_path / "photo.tif", picture, 2, tile=(256, 256)), microns)
    # As a tiled TIFF it is the same picture, so it gets the same reason.
    assert "colours that no Romanowsky stain has" in line


@pytest.mark.parametrize("share", [0.02, 0.5, 0.8])
def test_a_slide_cut_off(share: float, tmp_path: Path) -> None:
    picture = on_glass(piece(2, 700), 200)
    path = write_pyramid(tmp_path / "cut.tif", picture, 3, tile=(256, 256), compression=None)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    if share == 0.02:
        refusal(path)
        return
    result = counted([path], CountSettings(10_000))
    assert len(result.corrupt) > 0
    assert any("pieces of the slide could not be read" in line for line in result.remarks)
    assert any("a damaged or cut-off TIFF" in line for line in result.remarks)
    assert result.differential.tally.countable == sum(one.countable for one in result.fields)


@pytest.mark.parametrize("size", [0, -1, float("nan"), 5.0])
def test_a_pixel_size_that_makes_no_sense(size: float, tmp_path: Path) -> None:
    for path in (write_slide(tmp_path / "s.tif", piece(1)), as_field(tmp_path, piece(1))):
        with pytest.raises(InputError, match="microns_per_pixel"):
            counted([path], microns_per_pixel=size)


def test_cells_that_are_all_artefacts_are_no_count(tmp_path: Path) -> None:
    path = as_field(tmp_path, piece(0))
    with pytest.raises(InputError, match=r"none of \d+ located cells in 1 field is countable"):
        counted([path], engine=ByColour(("ART",)))


def test_fields_of_which_none_can_be_read(tmp_path: Path) -> None:
    for number in range(2):
        data = encode_jpeg(piece(number))
        (tmp_path / f"{number}.jpg").write_bytes(data[: len(data) // 2])
    assert "no field can be read (0.jpg: " in refusal(tmp_path)


def test_fields_of_which_one_is_damaged_and_the_other_blurred(tmp_path: Path) -> None:
    sharp = draw_field(FieldSettings(width=900, height=800), 3).image
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(sharp, 90)[:4000])
    blurred = np.ascontiguousarray(cv2.GaussianBlur(sharp, None, 25))
    (tmp_path / "b.png").write_bytes(encode_png(blurred))
    line = refusal(tmp_path, 0.08625)
    assert "of 2 fields 1 could not be read" in line
    assert "in 1 no cells can be judged (out of focus)" in line


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    path = as_field(tmp_path, piece(0))
    for settings, words in (
        (CountSettings(cells=0), "`cells` is"),
        (CountSettings(min_confidence=1.5), "min_confidence"),
        (CountSettings(min_confidence=float("nan")), "min_confidence"),
    ):
        with pytest.raises(InputError, match=words):
            counted([path], settings)
    with pytest.raises(InputError, match="nothing to count"):
        open_smears([])
