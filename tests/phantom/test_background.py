"""Maps of a synthetic smear: values at places, and why cells there cannot be judged."""

from dataclasses import replace

import numpy as np
import pytest

from marrowscope.phantom.background import (
    PhantomRegion,
    SmoothNoise,
    Window,
    classify_background,
    empty_background,
    grid_coordinates,
)

EMPTY = empty_background((100.0, 200.0, 150.0, 230.0), 10.0)


def test_a_map_has_a_value_every_step() -> None:
    assert EMPTY.cells.shape == (4, 6)
    x, y = grid_coordinates(EMPTY)
    assert x[0, :2].tolist() == [105.0, 115.0]
    assert y[:2, 0].tolist() == [205.0, 215.0]
    assert EMPTY.at(106, 214) == (1, 0)
    assert EMPTY.at(-1000, 1000) == (3, 0)  # outside is the nearest inside


def test_between_grid_points_values_are_interpolated() -> None:
    rising = np.tile(np.arange(6, dtype=np.float32), (4, 1))
    found = replace(EMPTY, stain=rising)
    values = found.sample("stain", Window(110, 205, 10, 10), 1.0)
    assert values[5, 4] == pytest.approx(0.95, abs=0.05)  # at 114.5 µm, half a px before 1
    assert (np.diff(values, axis=1) > 0).all()
    assert EMPTY.sample("stain", Window(110, 205, 10, 10), 1.0) == 1.0
    assert found.maximum("stain", (100, 200, 112, 210)) == 2.0


def test_the_gravest_reason_is_the_one_that_is_given() -> None:
    shape = EMPTY.cells.shape
    cells = np.full(shape, 1000, np.float32)
    red = np.zeros(shape, np.float32)
    red[0, :3] = 10.0
    inside = np.ones(shape, bool)
    inside[0, 0] = False
    whole = np.ones(shape, bool)
    whole[0, 1] = False
    reason = classify_background(replace(EMPTY, cells=cells, red=red), 300.0, inside, whole)
    assert reason[0, :4].tolist() == [
        PhantomRegion.GLASS,
        PhantomRegion.HOLE,
        PhantomRegion.THICK,
        PhantomRegion.JUDGEABLE,
    ]
    assert (classify_background(EMPTY, 300.0, inside, inside) == PhantomRegion.DILUTED).sum() == 23


def test_a_window_of_noise_is_a_part_of_the_plane() -> None:
    noise = SmoothNoise(1, 2)
    whole = noise.sample(5.0, Window(-20, -20, 60, 40), 0.5)
    part = noise.sample(5.0, Window(0, 0, 20, 10), 0.5)
    np.testing.assert_allclose(part, whole[20:30, 20:40], atol=1e-4)
