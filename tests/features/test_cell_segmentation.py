"""Where the centre cell lies."""

import numpy as np
import pytest

from marrowscope.errors import InputError
from marrowscope.features import Segmentation, measure_cell, segment
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union."""
    return float((first & second).sum() / (first | second).sum())


def disc(side: int, radius: float, x: float, y: float) -> np.ndarray:
    rows, columns = np.ogrid[:side, :side]
    return np.hypot(rows - y, columns - x) < radius


def painted(cell: np.ndarray, nucleus: np.ndarray) -> np.ndarray:
    """Violet nucleus in pale blue cytoplasm on white."""
    image = np.full((*cell.shape, 3), 245, np.uint8)
    image[cell] = (170, 175, 225)
    image[nucleus] = (80, 40, 140)
    return image


def test_a_painted_disc_with_a_disc_in_it_is_found() -> None:
    cell, nucleus = disc(250, 70, 125, 125), disc(250, 40, 130, 120)
    found = segment(painted(cell, nucleus))
    assert not found.fallback
    assert overlap(found.cell, cell) > 0.95
    assert overlap(found.nucleus, nucleus) > 0.93


def test_a_neighbour_at_the_border_belongs_to_no_centre_cell() -> None:
    cell, nucleus = disc(250, 50, 125, 125), disc(250, 35, 125, 125)
    image = painted(cell | disc(250, 50, 230, 20), nucleus | disc(250, 35, 230, 20))
    found = segment(image)
    assert overlap(found.nucleus, nucleus) > 0.93
    assert not found.cell[20, 230]


def test_phantom_cells_of_all_classes_are_found() -> None:
    nuclei: dict[str, list[float]] = {code: [] for code in CODES}
    cells: dict[str, list[float]] = {code: [] for code in CODES}
    for code in CODES:
        for seed in range(100, 110):
            truth = draw_cell(code, seed)
            found = segment(truth.image)
            cells[code].append(overlap(found.cell, truth.cell_mask))
            if truth.nucleus_mask.any():  # debris, fibres and platelets have none
                nuclei[code].append(overlap(found.nucleus, truth.nucleus_mask))
    assert np.mean([np.mean(values) for values in nuclei.values()]) > 0.90
    assert np.mean([np.mean(values) for values in cells.values()]) > 0.85


def test_cytoplasm_as_dark_in_red_as_the_nucleus_is_no_nucleus() -> None:
    cell, nucleus = disc(250, 75, 125, 125), disc(250, 45, 140, 118)
    image = painted(cell, nucleus)
    image[cell & ~nucleus] = (80, 95, 200)
    found = segment(image)
    assert overlap(found.nucleus, nucleus) > 0.93
    assert overlap(found.cell, cell) > 0.93


def test_a_red_cell_that_touches_the_cell_is_left_out() -> None:
    cell, nucleus = disc(250, 60, 125, 125), disc(250, 40, 125, 125)
    image = painted(cell, nucleus)
    image[disc(250, 42, 227, 125) & ~cell] = (215, 150, 140)
    found = segment(image)
    assert overlap(found.cell, cell) > 0.93
    assert not found.cell[125, 215]


def test_a_smudge_is_all_nucleus() -> None:
    truth = draw_cell("KSC", 1)
    found = segment(truth.image)
    assert (found.nucleus == found.cell).all()
    assert overlap(found.nucleus, truth.nucleus_mask) > 0.85


def test_a_nucleus_paler_than_its_neighbours_is_found() -> None:
    cell, nucleus = disc(250, 60, 125, 125), disc(250, 40, 125, 125)
    image = painted(cell, nucleus)
    for x, y in ((30, 125), (220, 125), (125, 30), (125, 220)):
        image[disc(250, 34, x, y)] = (25, 10, 60)
    found = segment(image)
    assert not found.fallback
    assert found.nucleus[125, 125]


@pytest.mark.parametrize("grey", [0, 120, 255])
def test_an_image_without_cell_gives_central_discs_and_says_so(grey: int) -> None:
    found = segment(np.full((250, 250, 3), grey, np.uint8))
    assert found.fallback
    assert found.cell[125, 125]
    assert found.nucleus.sum() < found.cell.sum()


def test_the_nucleus_lies_inside_the_cell_and_the_cytoplasm_outside_it() -> None:
    found = segment(draw_cell(CODES[0], 3).image)
    assert not (found.nucleus & ~found.cell).any()
    assert not (found.cytoplasm & found.nucleus).any()
    assert (found.cytoplasm | found.nucleus).sum() == found.cell.sum()


@pytest.mark.parametrize("shape", [(250, 250), (250, 250, 4), (8, 250, 3)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="image: is"):
        segment(np.zeros(shape, np.uint8))


def test_masks_of_another_size_are_refused() -> None:
    mask = np.ones((100, 100), bool)
    with pytest.raises(InputError, match="cell mask: is"):
        measure_cell(np.zeros((250, 250, 3), np.uint8), Segmentation(mask, mask, False))


def test_an_empty_cell_mask_is_refused() -> None:
    empty = np.zeros((250, 250), bool)
    with pytest.raises(InputError, match="is empty"):
        measure_cell(np.zeros((250, 250, 3), np.uint8), Segmentation(empty, empty, False))
