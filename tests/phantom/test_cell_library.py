"""Stamps of cells: turned, mirrored, at one pixel size."""

import numpy as np
import pytest

from marrowscope.errors import InputError
from marrowscope.phantom.cell_library import TURNS, CellLibrary, reoriented
from marrowscope.phantom.synthetic_field import draw_field
from support.small_fields import SMALL, stock


def test_a_library_of_another_pixel_size_is_refused() -> None:
    with pytest.raises(InputError, match="pixel size"):
        draw_field(SMALL, 1, CellLibrary(0.25))


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_turned_stamp_keeps_its_middle_and_its_outline(turn: int) -> None:
    stamp = reoriented(stock().sprite("NGS", 0, 0), turn)
    y, x = np.nonzero(stamp.cell)
    assert stamp.middle == pytest.approx((x.mean() + 0.5, y.mean() + 0.5))
    places = stamp.outline / stock().microns_per_pixel + np.array(stamp.middle)
    columns, rows = np.floor(places).astype(int).T
    assert stamp.cell[rows, columns].all()
    assert np.hypot(*stamp.outline.T).max() <= stamp.reach


def test_the_eight_orientations_differ() -> None:
    images = {reoriented(stock().sprite("NGS", 1, 0), turn).cell.tobytes() for turn in range(TURNS)}
    assert len(images) == TURNS
