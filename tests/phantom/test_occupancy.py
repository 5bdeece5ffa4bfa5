"""Room between placed objects."""

import pytest

from marrowscope.phantom.cell_library import RED
from marrowscope.phantom.occupancy import contact_distance
from support.small_fields import stock


def test_two_red_cells_in_contact_are_two_radii_apart() -> None:
    first, second = stock().sprite(RED, 0, 0), stock().sprite(RED, 1, 0)
    for angle in (0.0, 1.0, 2.5, 4.0):
        away = contact_distance(first, second, angle)
        assert away == pytest.approx(first.radius + second.radius, rel=0.25)
