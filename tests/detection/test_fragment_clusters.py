"""Clusters of nuclear fragments and their moments."""

import cv2
import numpy as np
import pytest

from marrowscope.detection.fragment_clusters import Cluster, clusters_of_fragments
from marrowscope.detection.nuclear_fragments import find_fragments
from marrowscope.detection.nuclear_map import WORKING_MICRONS


def test_a_cluster_measures_an_ellipse() -> None:
    image = np.zeros((80, 120), np.float32)
    cv2.ellipse(image, (60, 40), (40, 20), 0, 0, 360, 1.0, -1)
    parts = find_fragments(image)
    (cell,) = clusters_of_fragments(image, parts).values()
    assert isinstance(cell, Cluster)
    assert cell.area == pytest.approx(np.pi * 40 * 20 * WORKING_MICRONS**2, rel=0.05)
    assert cell.centre == pytest.approx((60, 40), abs=0.5)
    filled, ratio = cell.ellipse
    assert filled == pytest.approx(1.0, abs=0.03)
    assert ratio == pytest.approx(0.5, abs=0.03)
    assert cell.content == pytest.approx(cell.area, rel=0.05)
