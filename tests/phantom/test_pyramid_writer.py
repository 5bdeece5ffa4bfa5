"""Pyramids written tile by tile."""

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import openslide
import pytest

from marrowscope.phantom.pyramid_writer import FACTOR, PyramidLayout, halve, write_pyramid


def test_a_small_image_shrinks_to_its_means() -> None:
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    expected = image.reshape(2, 4, 2, 4, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(halve(image) - expected).max() <= 0.51
    assert halve(image[:5, :6]).shape == (2, 2, 3)


@pytest.mark.parametrize(("width", "height"), [(1300, 1500), (512, 512), (1024, 100), (513, 2049)])
def test_a_pyramid_of_any_size_comes_back(tmp_path: Path, width: int, height: int) -> None:
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3)).astype(np.uint8), (0, 0), 8)
    layout = PyramidLayout(width, height, 0.1, 512, 95, "test")
    strips = [image[top : top + 1024] for top in range(0, height, 1024)]
    write_pyramid(tmp_path / "p.tif", layout, lambda: iter(strips))
    with openslide.OpenSlide(tmp_path / "p.tif") as opened:
        assert list(opened.level_dimensions) == layout.levels()
        for level, size in enumerate(layout.levels()):
            seen = np.asarray(opened.read_region((0, 0), level, size))[..., :3].astype(float)
            mean = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            assert np.abs(seen - mean).mean() < 3
    assert layout.levels()[-1][0] <= 512
    assert FACTOR == 4
    assert [p.name for p in tmp_path.iterdir()] == ["p.tif"]


def test_memory_does_not_grow_with_the_height(tmp_path: Path) -> None:
    def peak(height: int) -> int:
        strip = np.full((512, 4096, 3), 200, np.uint8)
        layout = PyramidLayout(4096, height, 0.1, 512, 80, "test")
        tracemalloc.start()
        write_pyramid(tmp_path / "p.tif", layout, lambda: (strip for _ in range(0, height, 512)))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(16384) < 1.5 * peak(2048)
