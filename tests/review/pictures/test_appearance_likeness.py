"""Cells that look alike are near to each other, turned or not."""

import numpy as np

from marrowscope.review.pictures.appearance_likeness import describe, most_alike


def disc(radius: int, shade: int) -> np.ndarray:
    y, x = np.mgrid[:96, :96] - 47.5
    image = np.full((96, 96, 3), 230, np.uint8)
    image[np.hypot(x, y) < radius] = (shade, shade, 160)
    return image


def test_a_turned_cell_is_described_alike() -> None:
    image = disc(30, 90)
    image[40:60, 20:40] = 10
    turned = [np.rot90(image, turn) for turn in range(4)]
    found = describe(np.stack(turned))
    assert np.allclose(found, found[0], atol=1e-5)


def test_the_most_alike_comes_first_after_the_cell_itself() -> None:
    images = np.stack([disc(20, 80), disc(40, 80), disc(21, 84), disc(40, 160), disc(26, 80)])
    order, alike = most_alike(describe(images), 0)
    assert order[:3].tolist() == [0, 2, 4]
    assert alike[0] == 1.0
    assert (np.diff(alike) <= 0).all()


def test_another_answer_sets_cells_apart_that_look_alike() -> None:
    described = describe(np.stack([disc(20, 80), disc(20, 80), disc(22, 86)]))
    answers = np.array([[1, 0], [0, 1], [0.9, 0.1]], np.float32)
    assert most_alike(described, 0)[0].tolist() == [0, 1, 2]
    assert most_alike(described, 0, answers)[0].tolist() == [0, 2, 1]
    answers[0] = np.nan
    assert most_alike(described, 0, answers)[0].tolist() == [0, 1, 2]
