"""Where a synthetic smear lies on its slide."""

from functools import cache

import numpy as np
import pytest

from marrowscope.phantom.smear_layout import signed_polygon_distance
from marrowscope.phantom.synthetic_slide import PhantomSlide, SlideSettings

SMALL = SlideSettings(width=3000, height=2300, per_class=3)


@cache
def slide() -> PhantomSlide:
    return PhantomSlide(SMALL, 3)


def test_distance_to_a_square_is_that_to_its_sides() -> None:
    ground = slide().smear.background
    square = np.array([[50.0, 50.0], [150.0, 50.0], [150.0, 150.0], [50.0, 150.0]])
    away = signed_polygon_distance(ground, square)
    assert away[ground.at(100, 100)] == pytest.approx(50, abs=2 * ground.step)
    assert away[ground.at(20, 100)] == pytest.approx(-30, abs=2 * ground.step)
