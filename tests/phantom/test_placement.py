"""Where cells are placed."""

from dataclasses import replace

import numpy as np

from marrowscope.phantom.background import empty_background
from marrowscope.phantom.composition import class_mix
from marrowscope.phantom.placement import PlacementPlan, place_objects
from support.small_fields import stock


def test_crowding_does_not_favour_small_classes() -> None:
    """Small and large cells as often as asked for, where not all find room at once."""
    ground = empty_background((0.0, 0.0, 500.0, 500.0), 2.0)
    ground = replace(ground, cells=np.full_like(ground.cells, 3000))
    plan = PlacementPlan(class_mix({"LYT": 1, "PMO": 1}), 0.3, 0.1, 0)
    rng = np.random.default_rng(0)
    placed = place_objects((0.0, 0.0, 500.0, 500.0), [], ground, plan, stock(), rng)
    assert len(placed) > 600
    large = sum(thing.name == "PMO" for thing in placed) / len(placed)
    assert abs(large - 0.5) < 3 * 0.5 / np.sqrt(len(placed))
