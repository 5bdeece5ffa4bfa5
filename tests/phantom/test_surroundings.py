"""What lies around a cell: red cells pale in the middle, platelets without a nucleus."""

import numpy as np

from marrowscope.phantom.canvas import EOSIN, Canvas
from marrowscope.phantom.surroundings import platelet, red_cell, scatter_red_cells

PIXEL = 0.1


def test_a_red_cell_is_paler_in_the_middle_the_more_pallor_it_has() -> None:
    def middle_to_rim(pallor: float) -> float:
        cell = red_cell(PIXEL, np.random.default_rng(0), 3.5, 0.5, pallor)
        layer = cell.layers[EOSIN]
        centre = layer.shape[0] // 2
        return float(layer[centre, centre] / layer.max())

    assert middle_to_rim(0.8) < middle_to_rim(0.3) < 1


def test_neither_red_cells_nor_platelets_have_a_nucleus() -> None:
    rng = np.random.default_rng(0)
    for sprite in (red_cell(PIXEL, rng, 3.5, 0.5, 0.5), platelet(PIXEL, rng)):
        assert not sprite.nucleus.any()
        assert sprite.layers.min() >= 0


def test_red_cells_keep_clear_of_the_cell() -> None:
    canvas = Canvas(400, 400, PIXEL)
    scatter_red_cells(canvas, 60.0, (200.0, 200.0, 12.0), np.random.default_rng(0))
    rows, columns = np.ogrid[:400, :400]
    away = np.hypot(rows - 200, columns - 200) * PIXEL
    assert canvas.layers[EOSIN][away < 8].max() == 0
    assert canvas.layers[EOSIN][away > 12].max() > 0
