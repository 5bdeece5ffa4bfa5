"""The light between cells is told where it is another than that of the glass beside the smear."""

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.smear.light import light_between_cells

WHITE = np.full(3, 240.0)


def dots(light: tuple[float, float, float], pitch: int = 12) -> NDArray[np.uint8]:
    """Dark squares of 7 µm on an even light, in rows."""
    picture = np.empty((96, 96, 3), np.float64)
    picture[:] = light
    for row in range(2, 96 - 7, pitch):
        for column in range(2, 96 - 7, pitch):
            picture[row : row + 7, column : column + 7] *= 0.6
    return picture.astype(np.uint8)


@pytest.mark.parametrize("light", [(240, 240, 240), (236, 233, 238)])
def test_one_light_is_no_other(light: tuple[float, float, float]) -> None:
    assert light_between_cells([dots(light)], WHITE) is None


@pytest.mark.parametrize("light", [(180, 180, 180), (235, 220, 170), (255, 255, 255)])
def test_another_light_between_cells_is_found(light: tuple[float, float, float]) -> None:
    found = light_between_cells([dots(light)], np.full(3, 230.0))
    assert found is not None
    np.testing.assert_allclose(found, light, atol=1)


def test_bare_glass_in_the_picture_is_not_between_cells() -> None:
    picture = np.full((160, 160, 3), 240, np.uint8)
    picture[32:128, 32:128] = dots((150, 150, 140))
    found = light_between_cells([picture], WHITE)
    assert found is not None
    np.testing.assert_allclose(found, (150, 150, 140), atol=1)


def test_a_thick_part_without_gaps_has_no_light() -> None:
    ramp = np.linspace(90, 200, 96)
    picture = np.repeat(np.add.outer(ramp, ramp)[..., None] / 2, 3, axis=2).astype(np.uint8)
    assert light_between_cells([picture], WHITE) is None


def test_nothing_but_bare_glass_has_no_other() -> None:
    assert light_between_cells([np.full((100, 100, 3), 240, np.uint8)], WHITE) is None
    assert light_between_cells([], WHITE) is None
