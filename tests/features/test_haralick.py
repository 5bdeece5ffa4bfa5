"""Haralick's statistics against mahotas and scikit-image."""

import mahotas
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import graycomatrix

from marrowscope.features import haralick


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 16))
def test_texture_statistics_agree_with_mahotas(seed: int, levels: int) -> None:
    picture = np.random.default_rng(seed).integers(0, levels, (24, 24)).astype(np.uint8)
    matrix = graycomatrix(picture, [1], [0], levels=16, symmetric=True)[..., 0, 0]
    ours = haralick.statistics(matrix.astype(np.float64)[None])[0]
    theirs = mahotas.features.texture.haralick_features([matrix.astype(np.int32)])[0]
    # mahotas takes the variance of the histogram of differences itself; Haralick, and we, that of
    # the differences. The second measure of information is exp of nats here, of bits there.
    other = ("difference_variance", "information2")
    same = [place for place, name in enumerate(haralick.STATISTICS) if name not in other]
    np.testing.assert_allclose(ours[same], theirs[same], rtol=1e-6, atol=1e-8)
    bits = -np.log(1 - theirs[12] ** 2) / 2
    assert ours[12] == pytest.approx(np.sqrt(1 - np.exp(-2 * bits * np.log(2))), abs=1e-6)


def test_pairs_of_a_region_are_those_that_scikit_image_counts() -> None:
    picture = np.random.default_rng(1).integers(0, 16, (30, 40))
    codes = (picture + 16).astype(np.int32)  # all cytoplasm
    ours = haralick._pairs(codes, 2, -2)
    theirs = graycomatrix(picture.astype(np.uint8), [2 * 2**0.5], [3 * np.pi / 4], levels=16,
                          symmetric=True)[..., 0, 0]  # fmt: skip
    np.testing.assert_array_equal(ours[0], theirs)
    np.testing.assert_array_equal(ours[2], theirs)
    assert ours[1].sum() == 0
