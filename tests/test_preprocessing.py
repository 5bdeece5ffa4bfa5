"""The standard crop: what an image becomes, with and without a known pixel size."""

import numpy as np
import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.preprocessing import (
    INPUT_SIZE,
    MICRONS_PER_PIXEL,
    is_pixel_size,
    pixel_sizes,
    prepare,
    require_pixel_size,
    resize,
)

RANDOM = np.random.default_rng(0)


def noise(height: int, width: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_an_image_of_the_right_size_is_left_alone() -> None:
    image = noise(INPUT_SIZE, INPUT_SIZE)
    assert resize(image, INPUT_SIZE, INPUT_SIZE) is image
    np.testing.assert_array_equal(prepare(image, None), image)
    np.testing.assert_array_equal(prepare(image, MICRONS_PER_PIXEL), image)


def test_of_a_larger_image_the_middle_is_taken() -> None:
    image = noise(300, 260)
    np.testing.assert_array_equal(prepare(image, MICRONS_PER_PIXEL), image[25:275, 5:255])


def test_what_a_smaller_image_lacks_is_mirrored() -> None:
    image = noise(200, 100)
    result = prepare(image, MICRONS_PER_PIXEL)
    np.testing.assert_array_equal(result[25:225, 75:175], image)
    np.testing.assert_array_equal(result[25:225, 74], image[:, 0])
    np.testing.assert_array_equal(result[24, 75:175], image[0])


def test_finer_pixels_are_averaged() -> None:
    image = noise(500, 500)
    result = prepare(image, MICRONS_PER_PIXEL / 2).astype(int)
    means = image.reshape(250, 2, 250, 2, 3).mean(axis=(1, 3))
    assert np.abs(result - means).max() <= 1


def test_without_a_pixel_size_the_whole_image_is_scaled() -> None:
    image = np.zeros((100, 50, 3), np.uint8)
    image[:50] = 200
    result = prepare(image, None)
    assert result.shape == (INPUT_SIZE, INPUT_SIZE, 3)
    assert (result[:120] == 200).all()
    assert (result[130:] == 0).all()


def test_a_row_has_its_own_pixel_size_or_the_given_one() -> None:
    table = pl.DataFrame({"microns_per_pixel": [0.1, None]})
    assert pixel_sizes(table, 0.2) == [0.1, 0.2]
    assert pixel_sizes(table) == [0.1, None]
    assert pixel_sizes(pl.DataFrame({"path": ["a"]}), 0.2) == [0.2]


@pytest.mark.parametrize("size", [0.0, -1.0, 0.004, 11.0, float("nan"), float("inf")])
def test_sizes_that_no_microscope_gives_are_refused(size: float) -> None:
    assert not is_pixel_size(size)
    with pytest.raises(InputError, match=r"expected 0\.005 to 10"):
        require_pixel_size(size)
    with pytest.raises(InputError, match="in the table"):
        pixel_sizes(pl.DataFrame({"microns_per_pixel": [size]}))


def test_resizing_keeps_the_mean() -> None:
    image = noise(100, 100)
    for side in (50, 250):
        resized = resize(image, side, side)
        assert resized.shape == (side, side, 3)
        assert resized.mean() == pytest.approx(image.mean(), abs=1)
