"""Masks by themselves."""

import numpy as np
import pytest

from marrowscope.features.masks import components_above, largest, otsu, raggedness


def squares(*sides: int) -> np.ndarray:
    """Separate squares in a row."""
    mask = np.zeros((40, 40 * len(sides)), bool)
    for place, side in enumerate(sides):
        mask[5 : 5 + side, 40 * place + 5 : 40 * place + 5 + side] = True
    return mask


def test_parts_are_judged_against_the_largest() -> None:
    mask = squares(20, 10, 4)  # 400, 100 and 16 px
    assert largest(mask).sum() == 400
    assert components_above(mask, 0.2).sum() == 500
    assert components_above(mask, 0.04).sum() == 516
    assert not components_above(np.zeros((9, 9), bool), 0.5).any()


def test_otsu_gives_the_least_of_the_denser_population() -> None:
    values = np.repeat(np.array([0.2, 0.3, 1.5, 1.6], np.float32), 50)
    threshold = otsu(values)
    assert 0.3 < threshold <= 1.5
    assert (values >= threshold).sum() == 100


def test_a_disc_is_smooth_and_a_comb_is_ragged() -> None:
    rows, columns = np.ogrid[:200, :200]
    disc = np.hypot(rows - 100, columns - 100) < 60
    assert raggedness(disc) == pytest.approx(1.05, abs=0.05)
    comb = disc & (rows // 6 % 2 == 0)
    assert raggedness(comb) > 3
