"""Sprites laid on a canvas."""

import numpy as np

from marrowscope.phantom.canvas import Canvas
from marrowscope.phantom.surroundings import red_cell


def test_a_sprite_may_stick_out_of_a_canvas_of_any_shape() -> None:
    canvas = Canvas(80, 300, 0.1)
    sprite = red_cell(0.1, np.random.default_rng(0), 3.5, 0.5, 0.3)
    inside = canvas.lay(sprite, 150, 40)
    corner = canvas.lay(sprite, 0, 0)
    assert not canvas.lay(sprite, -500, 40).cell.any()
    assert inside.cell.shape == (80, 300)
    assert 0.2 < corner.cell.sum() / inside.cell.sum() < 0.3
    assert canvas.layers.min() >= 0
