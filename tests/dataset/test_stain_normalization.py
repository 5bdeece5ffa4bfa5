"""Matching stain and light of a set."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.stain_normalization import (
    normalize_stain,
    normalized_images,
    reference_appearance,
    stain_appearance,
)
from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from marrowscope.phantom.synthetic_cell import draw_cell

LIGHT = np.array([0.78, 0.72, 0.84])


@pytest.fixture(scope="module")
def cells() -> list[np.ndarray]:
    return [draw_cell(code, seed, 120).image for code in ("LYT", "NGS", "PLM") for seed in (1, 2)]


def test_a_set_with_another_light_comes_back(cells: list[np.ndarray]) -> None:
    dim = [(image * LIGHT).astype(np.uint8) for image in cells]
    own, wanted = stain_appearance(dim), stain_appearance(cells)
    before = np.mean([np.abs(a.astype(float) - b) for a, b in zip(dim, cells, strict=True)])
    after = np.mean(
        [
            np.abs(normalize_stain(a, own, wanted).astype(float) - b)
            for a, b in zip(dim, cells, strict=True)
        ]
    )
    assert own.light == pytest.approx(wanted.light * LIGHT, abs=2)
    assert after < before / 5


def test_a_paler_set_becomes_as_dark_as_the_reference(cells: list[np.ndarray]) -> None:
    pale = [(255 * (image / 255) ** 0.6).astype(np.uint8) for image in cells]
    own, wanted = stain_appearance(pale), stain_appearance(cells)
    assert (own.strength < wanted.strength).all()
    again = stain_appearance([normalize_stain(image, own, wanted) for image in pale])
    assert again.strength[0] == pytest.approx(wanted.strength[0], rel=0.1)


def test_a_set_that_looks_like_the_reference_stays_as_it_is(cells: list[np.ndarray]) -> None:
    look = stain_appearance(cells)
    for image in cells:
        # What is brighter than the light of the set becomes that light.
        wanted = np.minimum(image, np.round(look.light))
        assert np.abs(normalize_stain(image, look, look).astype(int) - wanted).max() <= 1


def test_a_pale_cell_stays_paler_than_a_dark_one(cells: list[np.ndarray]) -> None:
    own, wanted = (
        stain_appearance([(image * LIGHT).astype(np.uint8) for image in cells]),
        stain_appearance(cells),
    )
    grey = [
        normalize_stain((image * LIGHT).astype(np.uint8), own, wanted).mean() for image in cells
    ]
    assert np.argsort(grey).tolist() == np.argsort([image.mean() for image in cells]).tolist()


def test_slides_of_their_own_are_matched_each_for_itself(
    cells: list[np.ndarray], tmp_path: Path
) -> None:
    rows = []
    for slide, light in (("a", 1.0), ("b", 0.7)):
        for number, image in enumerate(cells):
            path = tmp_path / f"{slide}{number}.png"
            path.write_bytes(encode_png((image * light).astype(np.uint8)))
            rows.append((str(path), slide))
    rows.append((str(tmp_path / "gone.png"), "b"))
    table = pl.DataFrame(rows, schema=["path", "slide_id"], orient="row")
    wanted = reference_appearance(table.filter(pl.col("slide_id") == "a"))
    images = dict(normalized_images(table, wanted))
    assert images[12] is None
    for number in range(6):
        one, two = images[number], images[6 + number]
        assert one is not None
        assert two is not None
        assert np.abs(one.astype(float) - two).mean() < 4


def test_too_few_or_blank_images(cells: list[np.ndarray]) -> None:
    with pytest.raises(InputError, match="4 images"):
        stain_appearance(cells[:4])
    blank = stain_appearance([np.full((50, 50, 3), 240, np.uint8)] * 5)
    assert np.isfinite(normalize_stain(cells[0], blank, stain_appearance(cells))).all()
    black = stain_appearance([np.zeros((50, 50, 3), np.uint8)] * 5)
    assert normalize_stain(cells[0], black, stain_appearance(cells)).shape == cells[0].shape


def test_laboratories_are_matched_each_for_itself(cells: list[np.ndarray], tmp_path: Path) -> None:
    rows = []
    for name, light in (("a", np.ones(3)), ("b", LIGHT)):
        for number, image in enumerate(cells):
            path = tmp_path / f"{name}{number}.png"
            path.write_bytes(encode_png((image * light).astype(np.uint8)))
            rows.append((str(path), name))
    table = pl.DataFrame(rows, schema=["path", "laboratory"], orient="row")
    wanted = reference_appearance(table.filter(laboratory="a"))
    found = [image for _, image in normalized_images(table, wanted)]
    alone = [
        image
        for name in ("a", "b")
        for _, image in normalized_images(table.filter(laboratory=name), wanted)
    ]
    for one, two in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one, two)
    mixed = [image for _, image in normalized_images(table.drop("laboratory"), wanted)]
    assert any((one != two).any() for one, two in zip(found, mixed, strict=True))
