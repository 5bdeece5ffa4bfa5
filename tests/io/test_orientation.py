"""EXIF orientations: what is turned or mirrored comes out upright."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from marrowscope.io.orientation import exif_orientation, oriented

# Rows of a small picture in which every pixel is another.
PIXELS = np.arange(6, dtype=np.uint8).reshape(2, 3)[..., None].repeat(3, axis=2)


def test_a_quarter_turn_by_hand() -> None:
    assert oriented(PIXELS, 6)[..., 0].tolist() == [[3, 0], [4, 1], [5, 2]]
    assert oriented(PIXELS, 2)[..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_as_pillow_turns_it(orientation: int) -> None:
    image = Image.fromarray(PIXELS)
    image.getexif()[0x0112] = orientation
    assert exif_orientation(image) == orientation
    np.testing.assert_array_equal(
        oriented(PIXELS, orientation), np.asarray(ImageOps.exif_transpose(image))
    )


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_is_none_is_upright(value: int) -> None:
    image = Image.fromarray(PIXELS)
    image.getexif()[0x0112] = value
    assert exif_orientation(image) == 1
