"""Artefacts that are no cell."""

import numpy as np
import pytest

from marrowscope.phantom.appearance import Spread, Variant
from marrowscope.phantom.non_cells import paint


@pytest.mark.parametrize("painter", ["strand", "fibre", "clump"])
@pytest.mark.parametrize("mpp", [0.08625, 0.4])
def test_an_artefact_of_no_cell_is_drawn_at_any_resolution(painter: str, mpp: float) -> None:
    variant = Variant(painter=painter, diameter=Spread(6.0, 1.0))
    for seed in range(6):
        sprite = paint(variant, mpp, np.random.default_rng(seed))
        assert sprite.layers.shape == (3, *sprite.cover.shape)
        assert np.isfinite(sprite.layers).all()
        assert (sprite.layers >= 0).all()
        assert sprite.cover.min() >= 0
        assert sprite.cover.max() <= 1
        assert (sprite.cover > 0.5).sum() * mpp**2 > 1.5  # µm²
        if painter != "strand":
            assert not sprite.nucleus.any()
