"""Pieces of a TIFF that are JPEG 2000 or WebP; whole files of them are in the decoding matrix."""

import imagecodecs
import numpy as np
import pytest

from marrowscope.io.tiff_compressions import JPEG2000, WEBP
from marrowscope.io.tiff_streams import numbers_of_stream

DEEP = np.arange(4 * 5 * 3, dtype=np.uint16).reshape(4, 5, 3) * 60  # 0 to 3540, of 12 bits


def jpeg2000(numbers: np.ndarray, bits: int = 8) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(numbers, level=0, bitspersample=bits))


def test_numbers_of_12_bits_come_as_they_are_red_first() -> None:
    found = numbers_of_stream(jpeg2000(DEEP, 12), JPEG2000[1], (4, 5, 3))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, DEEP)


def test_transparency_that_webp_leaves_out_is_opaque() -> None:
    colour = np.full((4, 5, 4), (10, 200, 30, 255), np.uint8)
    piece = bytes(imagecodecs.webp_encode(colour[..., :3].copy(), lossless=True))
    np.testing.assert_array_equal(numbers_of_stream(piece, WEBP, (4, 5, 4)), colour)


@pytest.mark.parametrize("shape", [(5, 4, 3), (4, 6, 3), (4, 5, 1), (4, 5, 4)])
@pytest.mark.parametrize("bits", [8, 12])
def test_another_shape_than_the_directory_promises_is_damage(
    shape: tuple[int, int, int], bits: int
) -> None:
    piece = jpeg2000(DEEP if bits == 12 else DEEP.astype(np.uint8), bits)
    with pytest.raises(ValueError, match=r"promised|values of the kind"):
        numbers_of_stream(piece, JPEG2000[0], shape)


@pytest.mark.parametrize("compression", [WEBP, JPEG2000[0]])
def test_a_picture_of_another_format_is_refused(compression: int) -> None:
    piece = bytes(imagecodecs.png_encode(np.zeros((4, 5, 3), np.uint8)))
    with pytest.raises(OSError, match="cannot identify"):
        numbers_of_stream(piece, compression, (4, 5, 3))
