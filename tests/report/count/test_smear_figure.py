"""The figure of a smear shows what was found, in readable form."""

from pathlib import Path

import numpy as np

from marrowscope.report.count.smear_figure import REASON_COLOURS, smear_figure
from marrowscope.smear.quality_map import QualityMap, RejectionReason
from support.smear_parts import smear_parts


def test_every_reason_that_occurs_is_in_the_legend(tmp_path: Path) -> None:
    for number, shape in enumerate([(200, 400), (400, 200)]):
        figure = smear_figure(*smear_parts(shape), "slide $1")
        figure.savefig(tmp_path / f"{number}.png", dpi=40)
        (legend,) = figure.legends
        words = " ".join(text.get_text() for text in legend.get_texts())
        assert all(reason.description in words for reason in REASON_COLOURS)
        assert "Research use only" in figure.get_supxlabel()


def test_the_fields_are_numbered_in_their_order() -> None:
    figure = smear_figure(*smear_parts((200, 400)), "slide", used=4)
    assert [text.get_text() for text in figure.axes[1].texts] == ["1", "2", "3", "4"]
    assert "4 of 4 fields" in figure.axes[1].get_title()


def test_without_a_plan_the_reason_is_the_title() -> None:
    contour, found, _ = smear_parts((200, 400))
    reason = np.full(found.reason.shape, RejectionReason.THICK, np.uint8)
    bad = QualityMap(reason, found.quality, found.cells, found.blur, found.side)
    figure = smear_figure(contour, bad, None, "slide")
    assert "cells on top of each other" in figure.axes[1].get_title()
