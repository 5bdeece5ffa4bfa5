"""The flood of the core beside that of scikit-image, with which the features are defined."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.segmentation import watershed

from marrowscope.features.cell_segmentation import segment
from marrowscope.features.watershed import flood
from marrowscope.phantom.synthetic_cell import draw_cell


def test_two_markers_meet_on_the_ridge_between_them() -> None:
    height = np.array([[0, 1, 2, 9, 2, 1, 0]], np.float32)
    markers = np.array([[1, 0, 0, 0, 0, 0, 2]], np.int32)
    found = flood(height, markers, np.ones((1, 7), bool))
    np.testing.assert_array_equal(found, [[1, 1, 1, 1, 2, 2, 2]])


def test_what_is_outside_of_the_mask_is_no_way_through() -> None:
    mask = np.array([[True, False, True]])
    found = flood(np.zeros((1, 3), np.float32), np.array([[1, 0, 0]], np.int32), mask)
    np.testing.assert_array_equal(found, [[1, 0, 0]])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 24), columns=st.integers(1, 24))
def test_it_is_the_watershed_of_scikit_image(seed: int, rows: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    height = random.permutation(rows * columns).reshape(rows, columns).astype(np.float32)
    markers = np.where(random.random(height.shape) < 0.1, random.integers(1, 5, height.shape), 0)
    mask = random.random(height.shape) < 0.8
    wanted = watershed(height, markers, mask=mask)
    np.testing.assert_array_equal(flood(height, markers.astype(np.int32), mask), wanted)


def test_nuclei_of_cells_are_as_large_with_either() -> None:
    for seed, code in enumerate(("NGS", "BLA", "EOS", "LYT")):
        image = draw_cell(code, seed).image
        one, other = segment(image), segment(image, flood)
        assert one.nucleus.any()
        np.testing.assert_allclose(other.nucleus.sum(), one.nucleus.sum(), rtol=0.002)
        assert one.fallback == other.fallback
