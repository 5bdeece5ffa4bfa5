"""Blur is read off edges in µm, whatever the pixel size, the contrast and the number of edges."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.smear.focus import estimate_blur


def edges(blur: float, pixel: float, contrast: float = 0.5, seed: int = 0) -> NDArray[np.float32]:
    """Discs of 8 µm on glass, drawn four times finer, blurred and averaged into pixels."""
    random = np.random.default_rng(seed)
    fine, side = pixel / 4, round(50 / pixel) * 4
    drawn = np.zeros((side, side), np.float32)
    for x, y in random.uniform(0, side, (7, 2)):
        cv2.circle(drawn, (int(x), int(y)), round(4 / fine), contrast, -1)
    if blur:
        drawn = cv2.GaussianBlur(drawn, (0, 0), blur / fine)
    return cv2.resize(drawn, (side // 4, side // 4), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("pixel", [0.12, 0.25])
@pytest.mark.parametrize("contrast", [0.1, 0.6])
@pytest.mark.parametrize("blur", [0.3, 0.6, 1.0, 1.5])
def test_the_blur_of_discs_is_measured(blur: float, contrast: float, pixel: float) -> None:
    assert estimate_blur(edges(blur, pixel, contrast), pixel) == pytest.approx(
        blur, rel=0.15, abs=0.06
    )


def test_more_blur_measures_as_more() -> None:
    found = [estimate_blur(edges(blur, 0.25), 0.25) for blur in (0.1, 0.4, 0.8, 1.6)]
    assert None not in found
    assert sorted(found) == found  # type: ignore[type-var]


def test_of_empty_glass_nothing_is_said() -> None:
    assert estimate_blur(np.zeros((200, 200), np.float32), 0.25) is None
    assert estimate_blur(np.zeros((3, 3), np.float32), 0.25) is None
