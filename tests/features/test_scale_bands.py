"""Structure by scale: none in an even region, at the right scale in a granular one."""

from typing import Any

import cv2
import numpy as np
import pytest

from marrowscope.features import Segmentation, scale_bands, segment
from marrowscope.features.image_planes import image_planes
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell
from support.measured_discs import CELL, NUCLEUS, by_name, disc, disc_cell


def granular(period: int) -> dict[str, float]:
    """Features of a cell with stripes of so many px."""
    wave = np.sin(2 * np.pi * np.arange(250) / period)
    grey = np.broadcast_to(120 + 60 * wave, (250, 250)).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, axis=2)
    view = image_planes(image, Segmentation(disc(CELL), disc(NUCLEUS), False))
    return by_name(scale_bands.features, scale_bands.values, view)


def test_an_even_image_has_no_structure() -> None:
    found = by_name(scale_bands.features, scale_bands.values, disc_cell(100, 100, 100))
    for name in ("band1.green.sd", "gradient.green.mean", "granulometry.open.r3.green"):
        assert found[f"cell.{name}"] == pytest.approx(0, abs=1e-4), name


def test_fine_stripes_lie_in_finer_bands_than_coarse_ones() -> None:
    fine, coarse = granular(6), granular(40)
    assert fine["cell.band1.green.sd"] > 3 * coarse["cell.band1.green.sd"]
    assert coarse["cell.band4.green.sd"] > 3 * fine["cell.band4.green.sd"]
    # An opening takes away stripes narrower than its disc.
    assert fine["cell.granulometry.open.r2.green"] > 5 * coarse["cell.granulometry.open.r2.green"]
    assert fine["cell.gabor.w1.green.energy"] > coarse["cell.gabor.w1.green.energy"]
    assert fine["cell.gabor.w1.green.anisotropy"] > 1  # stripes have one direction


def written_at(function: Any, offset: int) -> Any:
    """A function of OpenCV whose result begins so many bytes after a multiple of 64."""

    def call(*given: Any, **named: Any) -> np.ndarray:
        usual = function(*given, **named)
        room = np.empty(usual.nbytes + 128, np.uint8)
        start = -room.ctypes.data % 64 + offset
        place = room[start : start + usual.nbytes].view(usual.dtype).reshape(usual.shape)
        return function(*given, dst=place, **named)

    return call


def test_numbers_do_not_depend_on_where_in_memory_opencv_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its magnitude of a gradient would, in the last digit."""
    image = draw_cell(CODES[3], 0).image
    view = image_planes(image, segment(image))
    names = ("GaussianBlur", "Sobel", "magnitude", "resize", "morphologyEx", "absdiff")
    plain = {name: getattr(cv2, name) for name in names}
    found = []
    for offset in (0, 16, 32, 48):
        for name, function in plain.items():
            monkeypatch.setattr(cv2, name, written_at(function, offset))
        found.append(scale_bands.values(view))
    assert all(np.array_equal(one, found[0], equal_nan=True) for one in found)
