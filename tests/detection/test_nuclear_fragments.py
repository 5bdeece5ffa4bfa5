"""Fragments of the nuclear map: one per hill, with the saddle between them."""

import cv2
import numpy as np
import pytest

from marrowscope.detection.nuclear_fragments import PEAK_SMOOTHING_MICRONS, find_fragments
from marrowscope.detection.nuclear_map import WORKING_MICRONS


def test_two_hills_are_two_fragments_and_their_saddle_is_measured() -> None:
    y, x = np.mgrid[:60, :100]
    hills = [np.exp(-((x - cx) ** 2 + (y - 30) ** 2) / (2 * 9.0**2)) for cx in (33, 67)]
    parts = find_fragments(np.maximum(*hills).astype(np.float32))
    assert set(np.unique(parts.labels)) - {0} == {
        number for number in range(1, len(parts.peak)) if parts.moments[number, 0]
    }
    assert len(set(np.unique(parts.labels)) - {0}) == 2
    ((pair, saddle),) = parts.saddles.items()
    assert pair[0] < pair[1]
    smooth = cv2.GaussianBlur(np.maximum(*hills), (0, 0), PEAK_SMOOTHING_MICRONS / WORKING_MICRONS)
    assert saddle == pytest.approx(smooth[30, 50], abs=0.01)
    assert parts.labels[30, 33] != parts.labels[30, 67]
