"""Figures of an external validation."""

from marrowscope.evaluation.external_validation import evaluate_external
from marrowscope.report.external_figures import external_figure
from support.external_cells import MAPPING, TABLE


def test_the_figure_frames_what_is_compatible() -> None:
    figure = external_figure(evaluate_external(TABLE, {**MAPPING, "$odd^name": ("ART",)}))
    assert len(figure.axes[0].patches) == 3  # BLA; NGB and NGS
    figure.canvas.draw()
