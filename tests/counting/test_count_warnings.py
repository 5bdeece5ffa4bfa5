"""Sentences appear where they are true, and only there."""

import numpy as np
import polars as pl
import pytest

from marrowscope.counting import count_warnings
from marrowscope.differential.held_out_answers import HeldOutCounts
from marrowscope.models.card import Card
from marrowscope.models.novelty import Novelty
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.smear.quality_map import RejectionReason


def totals(countable: int, wanted: int = 500, **more: object) -> count_warnings.FieldTotals:
    facts = {"refused": {}, "doubtful": {}, **more}
    return count_warnings.FieldTotals(10, 10, countable, wanted, **facts)  # type: ignore[arg-type]


def test_a_full_count_needs_no_remark() -> None:
    assert count_warnings.field_warnings(totals(500), None) == []
    assert count_warnings.pixel_size_warnings(MICRONS_PER_PIXEL, False) == []
    assert count_warnings.damage_warnings(0, True) == []
    assert (
        count_warnings.classifier_warnings(Card("x", "sequential", ("A",), ("A",)), ("A",), None)
        == []
    )


@pytest.mark.parametrize(
    ("countable", "wanted", "lines"), [(99, 500, 2), (100, 500, 1), (50, 50, 1), (120, 110, 0)]
)
def test_few_cells_are_named(countable: int, wanted: int, lines: int) -> None:
    assert len(count_warnings.field_warnings(totals(countable, wanted), None)) == lines


def test_a_model_has_its_own_word_on_counting() -> None:
    card = Card("x", "sequential", ("A",), ("A",), note="Not for counting.")
    assert count_warnings.classifier_warnings(card, ("A",), None) == [
        "Note of the model: Not for counting"
    ]


def test_reasons_are_told_with_their_numbers() -> None:
    refused = {RejectionReason.NOT_A_SMEAR: 1, RejectionReason.OUT_OF_FOCUS: 3}
    (line,) = count_warnings.field_warnings(totals(500, refused=refused), None)
    assert line == (
        "4 fields not counted: out of focus (3), colours that no Romanowsky stain has (1)"
    )


@pytest.mark.parametrize(("ratio", "blood"), [(100.0, False), (101.0, True), (np.nan, False)])
def test_blood_is_more_than_a_hundred_red_cells_to_one(ratio: float, blood: bool) -> None:
    lines = count_warnings.field_warnings(totals(500, red_cells_per_nucleated=ratio), None)
    assert ("1 nucleated cell to 101 red cells" in " ".join(lines)) is blood


@pytest.mark.parametrize(
    ("pixel", "words"), [(0.07, "resampled from 0.07"), (0.25, "2.9 times as coarse")]
)
def test_other_pixel_sizes_are_told(pixel: float, words: str) -> None:
    (line,) = count_warnings.pixel_size_warnings(pixel, False)
    assert words in line
    assert len(count_warnings.pixel_size_warnings(pixel, True)) == 2


def test_damage_is_told_in_grammar() -> None:
    assert count_warnings.damage_warnings(1, True)[0].startswith("1 field image could")
    assert count_warnings.damage_warnings(2, True)[0].startswith("2 field images could")
    assert count_warnings.damage_warnings(1, False)[0].startswith("1 piece of the slide could")
    assert count_warnings.damage_warnings(2, False)[0].startswith("2 pieces of the slide could")


def test_a_classifier_less_sure_than_on_held_out_cells_is_told() -> None:
    held_out = HeldOutCounts(("A", "B"), np.array([[20, 30, 0, 0], [0, 0, 20, 30]]))  # 40 % unsure
    usual = pl.Series([0.5] * 59 + [0.9] * 41)
    odd = pl.Series([0.5] * 61 + [0.9] * 39)
    assert count_warnings.confidence_warnings(usual, held_out) == []
    (line,) = count_warnings.confidence_warnings(odd, held_out)
    assert "61 % of its predictions have a confidence below 0.8, 40 % among the held-out" in line
    assert count_warnings.confidence_warnings(odd[50:], held_out) == []  # 11 of 50
    assert count_warnings.confidence_warnings(odd, None) == []
    (line,) = count_warnings.confidence_warnings(pl.Series([0.4] * 41 + [0.9] * 59), None)
    assert "41 % of its predictions have a confidence below 0.5" in line
    assert count_warnings.confidence_warnings(pl.Series([0.1] * 19), None) == []
    assert count_warnings.confidence_warnings(pl.Series([], dtype=pl.Float32), None) == []


def test_one_cell_is_told_in_grammar() -> None:
    few, exhausted = count_warnings.field_warnings(totals(1), None)
    assert few.startswith("Only 1 countable cell: too few")
    assert exhausted.startswith("The smear is exhausted: 1 countable cell in all ")


def test_cells_unlike_anything_known_are_said_with_what_would_be_usual() -> None:
    novelty = Novelty(("A",), ((0.0,),), (((1.0,),),), (0.0,), 0.99, 1.0, 100)
    table = pl.DataFrame({
        "role": ["counted"] * 8 + ["not classified", "left out"],
        "predicted": ["A"] * 10,
        "novel": [False] * 8 + [True, True],
    })  # fmt: skip
    assert count_warnings.novelty_warnings(table, novelty) == [
        "1 of 9 cells (11.1 %) is unlike anything that the model knows and not in the count; of "
        "cells that it knows, 1 % would be. Look at their pictures"
    ]
    assert count_warnings.novelty_warnings(table[:8], novelty) == []
    card = Card("x", "sequential", ("A",), ("A",))
    (line,) = count_warnings.classifier_warnings(card, ("A", "B"), None, novelty)
    assert line.endswith("one of these names unless they are unlike anything that the model knows")
    assert count_warnings.novelty_warnings(table, None) == []
