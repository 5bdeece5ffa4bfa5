"""Landmarks of a crop: where they are, and images that have none."""

import numpy as np
import pytest

from marrowscope.dataset.landmarks import landmarks
from marrowscope.dataset.overlap_detection import find_overlaps
from marrowscope.dataset.overlap_proof import verify_overlap


@pytest.mark.parametrize("value", [0, 128, 255])
def test_even_images_have_no_landmarks_and_no_overlap(value: int) -> None:
    even = np.full((250, 250, 3), value, np.uint8)
    found = [landmarks(even)] * 3
    assert all(len(one.places) == 0 for one in found)
    assert find_overlaps(found, lambda number: even) == []
    assert verify_overlap(even, even, 10, 10) is None
