"""Colours of classes in files for other tools."""

import colorsys
from itertools import pairwise

import pytest

from marrowscope.exchange.class_colours import as_hex, class_colour
from marrowscope.morphology import CLASSES, CODES, LINEAGE_COLOURS


def hue(colour: tuple[int, ...]) -> float:
    return colorsys.rgb_to_hsv(*(part / 255 for part in colour))[0]


def test_every_class_has_a_shade_of_its_own_in_the_hue_of_its_lineage() -> None:
    shades = [class_colour(code) for code in CODES]
    assert None not in shades
    assert len(set(shades)) == len(CODES)
    for cell, shade in zip(CLASSES, shades, strict=True):
        base = LINEAGE_COLOURS[cell.lineage]
        rgb = tuple(int(base[start : start + 2], 16) for start in (1, 3, 5))
        assert shade is not None
        assert hue(shade) == pytest.approx(hue(rgb), abs=0.01)


def test_neighbours_can_be_told_apart_and_an_own_class_has_none() -> None:
    myeloid = [class_colour(cell.code) for cell in CLASSES if cell.lineage == "myeloid"]
    brightness = [sum(shade or ()) for shade in myeloid]
    assert all(later - earlier >= 25 for earlier, later in pairwise(brightness))
    assert class_colour("mine") is None
    assert as_hex((0, 114, 255)) == "#0072ff"
