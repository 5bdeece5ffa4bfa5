"""Synthetic images say that they are, and hold the pixels that were drawn."""

import io

import numpy as np
from PIL import Image

from marrowscope.phantom.marked_images import jpeg_with_comment, png_with_comment


def test_the_comment_is_in_the_file_and_the_pixels_are_those_given() -> None:
    mask = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    for level in (0, 9):
        with Image.open(io.BytesIO(png_with_comment(mask, "drawn", level))) as found:
            np.testing.assert_array_equal(np.asarray(found), mask)
            assert found.text["Comment"] == "drawn"


def test_a_jpeg_keeps_the_colours_of_single_pixels() -> None:
    image = np.full((16, 16, 3), 200, np.uint8)
    image[:, 8:] = (150, 60, 120)
    with Image.open(io.BytesIO(jpeg_with_comment(image, "drawn"))) as found:
        assert found.info["comment"] == b"drawn"
        assert np.abs(np.asarray(found).astype(int) - image).max() < 12
