"""Encoded images come back: PNG exactly, JPEG nearly."""

import numpy as np
import pytest

from marrowscope.io.image_decoding import decode
from marrowscope.io.image_encoding import encode_jpeg, encode_png


@pytest.fixture
def image() -> np.ndarray:
    """A smooth image whose channels differ."""
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    return np.stack(np.broadcast_arrays(ramp, ramp[:, None], np.uint8(90)), axis=2)


def test_a_png_is_exact_and_keeps_red_red(image: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(encode_png(image)), image)


def test_a_jpeg_is_near_and_smaller_at_less_quality(image: np.ndarray) -> None:
    data = encode_jpeg(image, 95)
    assert np.abs(decode(data).astype(int) - image).mean() < 3
    assert len(encode_jpeg(image, 30)) < len(data)
