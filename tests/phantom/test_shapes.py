"""Outlines as signed distances: their areas, their edges, their zero."""

import numpy as np
import pytest

from marrowscope.phantom.shapes import beads, bent_axis, blob, discs, signed_distance, soft

PIXEL = 0.1  # µm
SIDE = 201
MIDDLE = (100.0, 100.0)


def area(field: np.ndarray) -> float:
    return float((field > 0).sum()) * PIXEL**2


def test_the_distance_is_positive_inside_and_counts_micrometres() -> None:
    drawn = np.zeros((41, 41), np.uint8)
    drawn[10:31, 10:31] = 255
    field = signed_distance(drawn, PIXEL)
    assert field[20, 20] == pytest.approx(1.1)  # 11 px to the first pixel outside
    assert field[20, 5] == pytest.approx(-0.5)
    assert ((field > 0) == (drawn > 0)).all()


@pytest.mark.parametrize("elongation", [0.0, 0.8])
def test_a_blob_has_the_area_of_its_disc(elongation: float) -> None:
    rng = np.random.default_rng(0)
    field = blob((SIDE, SIDE), MIDDLE, 6.0, elongation, 0.0, PIXEL, rng)
    assert area(field) == pytest.approx(np.pi * 36, rel=0.02)


@pytest.mark.parametrize("lobes", [1, 3])
def test_a_nucleus_has_the_area_that_was_asked_for(lobes: int) -> None:
    centres, radii = bent_axis(3.0, 1.5, lobes, 0.8, np.random.default_rng(1))
    np.testing.assert_allclose((centres * radii[:, None] ** 2).sum(axis=0), 0, atol=1e-9)
    field, scale = beads((SIDE, SIDE), MIDDLE, centres, radii, 50.0, PIXEL)
    assert area(field) == pytest.approx(50.0, rel=0.08)
    assert scale > 0


def test_an_edge_is_half_covered_in_its_middle() -> None:
    field = np.array([[-1.0, -0.25, 0.0, 0.25, 1.0]], np.float32)
    np.testing.assert_allclose(soft(field, 1.0), [[0, 0.25, 0.5, 0.75, 1]])


def test_discs_have_their_radius_and_value() -> None:
    one = discs((50, 50), np.array([[25.0, 25.0]]), np.array([10.0]), np.array([0.5]))
    assert one[25, 25] == pytest.approx(0.5, abs=0.01)
    assert one.sum() == pytest.approx(0.5 * np.pi * 100, rel=0.05)
