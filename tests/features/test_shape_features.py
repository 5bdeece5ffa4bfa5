"""Shapes of discs, of which everything is known."""

import numpy as np
import pytest

from marrowscope.features import shape_features
from support.measured_discs import CELL, NUCLEUS, by_name, disc_cell


@pytest.fixture(scope="module")
def found() -> dict[str, float]:
    return by_name(shape_features.features, shape_features.values, disc_cell())


@pytest.mark.parametrize(("region", "radius"), [("cell", CELL), ("nucleus", NUCLEUS)])
def test_a_disc_is_round(found: dict[str, float], region: str, radius: float) -> None:
    shape = {name: found[f"{region}.shape.{name}"] for name in ("area", "diameter", "major")}
    assert shape["area"] == pytest.approx(np.pi * radius**2, rel=0.01)
    assert shape["diameter"] == pytest.approx(2 * radius, rel=0.01)
    assert shape["major"] == pytest.approx(2 * radius, rel=0.01)
    for name, value, near in (
        ("eccentricity", 0, 0.05),
        ("solidity", 1, 0.02),
        ("feret_ratio", 1, 0.02),
        ("radius_sd", 0, 0.01),
        ("dent", 0, 0.1),
        ("dents", 0, 0),
        ("parts", 1, 0),
        ("lobes", 1, 0),
        ("offset", 0, 0.01),
        ("at_border", 0, 0),
        ("fourier2", 0, 0.01),
    ):
        assert found[f"{region}.shape.{name}"] == pytest.approx(value, abs=near), name
    assert found[f"{region}.shape.depth"] == pytest.approx(radius, rel=0.03)


def test_the_rim_of_cytoplasm_is_as_wide_as_the_radii_differ(found: dict[str, float]) -> None:
    assert found["relation.nucleus_share"] == pytest.approx((NUCLEUS / CELL) ** 2, rel=0.01)
    assert found["relation.eccentric"] == pytest.approx(0, abs=1e-6)
    for name in ("mean", "least", "most"):
        assert found[f"relation.rim_{name}"] == pytest.approx(CELL - NUCLEUS, abs=0.15)
    assert found["segmentation.fallback"] == 0
