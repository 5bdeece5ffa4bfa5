"""Class names in any script: a font that has the letters, else their numbers, never a box."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.report.evaluation_figures import confusion_figure, per_class_figure
from marrowscope.report.fonts import BASE, drawable_text, font_families
from support.predictions import predictions

CELL = "細胞"
HIEROGLYPH = "\U00013000"


@pytest.fixture
def cell_font(tmp_path: Path) -> Iterator[str]:
    """An installed font that has just the two letters of ``CELL``."""
    pen = TTGlyphPen(None)
    for corner, move in (((0, 0), pen.moveTo), ((0, 700), pen.lineTo), ((700, 0), pen.lineTo)):
        move(corner)
    pen.closePath()
    box = pen.glyph()
    names = [".notdef", "one", "two"]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(CELL[0]): "one", ord(CELL[1]): "two"})
    font.setupGlyf(dict.fromkeys(names, box))
    font.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Marrow Test CJK", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    font.setupPost()
    font.save(tmp_path / "cell.ttf")
    before = list(fontManager.ttflist)
    fontManager.addfont(tmp_path / "cell.ttf")
    yield "Marrow Test CJK"
    fontManager.ttflist[:] = before
    fontManager._findfont_cached.cache_clear()


@pytest.fixture
def no_other_font() -> Iterator[None]:
    """As on a machine that has only the fonts of matplotlib."""
    before = list(fontManager.ttflist)
    fontManager.ttflist[:] = [font for font in before if "mpl-data" in font.fname]
    fontManager._findfont_cached.cache_clear()
    yield
    fontManager.ttflist[:] = before
    fontManager._findfont_cached.cache_clear()


def figures(name: str) -> list[list[str]]:
    """Tick labels of both figures, drawn with every warning an error."""
    table = predictions(120, codes=("BLA", "PMO", "LYT"))
    table = table.with_columns(pl.col("label", "predicted").replace({"LYT": name}))
    result = evaluate(table, resamples=20)
    drawn = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in (confusion_figure(result), per_class_figure(result)):
            figure.draw_without_rendering()
            drawn.append([label.get_text() for label in figure.axes[0].get_yticklabels()])
    return drawn


def test_latin_greek_and_cyrillic_need_no_other_font() -> None:
    assert font_families(["blast", "Zelle 2 µm", "лимфоцит", "κύτταρο"]) == [BASE]


def test_a_font_that_has_the_letters_is_found_and_used(no_other_font: None, cell_font: str) -> None:
    assert font_families(["blast", CELL]) == [BASE, cell_font]
    assert drawable_text(CELL, [BASE, cell_font]) == CELL
    for labels in figures(CELL):
        assert CELL in labels


def test_letters_that_no_font_has_are_given_by_number_without_a_warning(
    no_other_font: None,
) -> None:
    assert font_families([CELL]) == [BASE]
    for labels in figures(CELL):
        assert "U+7D30 U+80DE" in labels
        assert CELL not in labels
    for labels in figures(f"type {HIEROGLYPH}"):
        assert "type U+13000" in labels


def test_letters_are_taken_apart_where_that_helps(no_other_font: None) -> None:
    assert drawable_text("Ａ細1", [BASE]) == "A U+7D30 1"
