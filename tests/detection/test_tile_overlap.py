"""Tiles that overlap: they cover everything, and cells on seams come once."""

import numpy as np
import pytest

from marrowscope.detection import tile_overlap
from marrowscope.detection.tile_overlap import overlapping_tiles


def test_tiles_cover_everything_and_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_overlap, "TILE", 100)
    seen = np.zeros((270, 330), dtype=int)
    for tile in overlapping_tiles(0, 0, 330, 270, 40):
        assert tile.width <= 100
        assert tile.height <= 100
        seen[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
    assert seen.min() >= 1
    assert seen.max() == 4
