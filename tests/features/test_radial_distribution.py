"""Levels in shells from border to middle, and planes that go together."""

import pytest

from marrowscope.features import radial_distribution
from support.measured_discs import by_name, disc_cell


def test_shells_of_the_cell_go_from_cytoplasm_to_nucleus() -> None:
    found = by_name(
        radial_distribution.features, radial_distribution.values, disc_cell(150, 50, 150)
    )
    shells = [found[f"cell.radial.shell{shell}.green.mean"] for shell in range(1, 7)]
    # A third of the radius is cytoplasm: 2 of 6 shells; the border between them is blurred.
    assert shells[0] == pytest.approx(150, abs=2)
    assert shells[3:] == pytest.approx([50, 50, 50], abs=2)
    assert shells == sorted(shells, reverse=True)
    for shell in range(2, 5):
        assert found[f"nucleus.radial.shell{shell}.green.sd"] == pytest.approx(0, abs=2)


def test_equal_planes_correlate_fully() -> None:
    found = by_name(radial_distribution.features, radial_distribution.values, disc_cell())
    assert found["cell.correlation.red.green"] == pytest.approx(1, abs=1e-6)
    assert found["cell.correlation.red.density"] < -0.9
