"""The figure of a smear shows what was found, in readable form."""

from pathlib import Path

import numpy as np

from marrowscope.report.count.smear_figure import REASON_COLOURS, smear_figure
from marrowscope.smear.contour import Contour, mask_polygons
from marrowscope.smear.field_plan import FieldPlan, PlannedField
from marrowscope.smear.quality_map import QualityMap, RejectionReason


def parts(shape: tuple[int, int]) -> tuple[Contour, QualityMap, FieldPlan]:
    mask = np.zeros(shape, bool)
    mask[20:-20, 30:-30] = True
    mask[40:60, 60:80] = False
    picture = np.where(mask[..., None], (200, 150, 190), 245).astype(np.uint8)
    contour = Contour(
        mask_polygons(mask, (10.0, 10.0)), mask, picture, 5.0, (10.0, 10.0), np.full(3, 245.0), 1.2
    )
    rows, columns = shape[0] // 20, shape[1] // 20
    reason = np.arange(rows * columns).reshape(rows, columns) % len(RejectionReason)
    values = np.ones((rows, columns))
    found = QualityMap(reason.astype(np.uint8), values, values, values, 200)
    fields = tuple(
        PlannedField(i, 400 + 300 * i, 400, 250, 200, 0.5, 9.0, 0, str(i)) for i in range(4)
    )
    return contour, found, FieldPlan(fields, 3)


def test_every_reason_that_occurs_is_in_the_legend(tmp_path: Path) -> None:
    for number, shape in enumerate([(200, 400), (400, 200)]):
        figure = smear_figure(*parts(shape), "slide $1")
        figure.savefig(tmp_path / f"{number}.png", dpi=40)
        (legend,) = figure.legends
        words = " ".join(text.get_text() for text in legend.get_texts())
        assert all(reason.description in words for reason in REASON_COLOURS)
        assert "Research use only" in figure.get_supxlabel()


def test_the_fields_are_numbered_in_their_order() -> None:
    figure = smear_figure(*parts((200, 400)), "slide", used=4)
    assert [text.get_text() for text in figure.axes[1].texts] == ["1", "2", "3", "4"]
    assert "4 of 4 fields" in figure.axes[1].get_title()


def test_without_a_plan_the_reason_is_the_title() -> None:
    contour, found, _ = parts((200, 400))
    reason = np.full(found.reason.shape, RejectionReason.THICK, np.uint8)
    bad = QualityMap(reason, found.quality, found.cells, found.blur, found.side)
    figure = smear_figure(contour, bad, None, "slide")
    assert "cells on top of each other" in figure.axes[1].get_title()
