"""The figure of a count: every class, the plain and the corrected estimate."""

from pathlib import Path

import pytest

from marrowscope.differential.differential_count import differential
from marrowscope.report.count.class_table import table_rows
from marrowscope.report.count.interval_figure import interval_figure
from support.count_rows import KNOWN, counted
from support.counts import a_count


@pytest.mark.parametrize("name", ["$\\frac{", "細胞", "long " * 60, "\x1b[31m"])
def test_the_figure_takes_any_name(name: str, tmp_path: Path) -> None:
    result = differential(counted({"NGS": 5, name: 3}), known=(*KNOWN, name))
    interval_figure(result).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_the_figure_shows_every_class_of_the_table_and_both_estimates() -> None:
    result = a_count().differential
    figure = interval_figure(result)
    (axes,) = figure.axes
    names = [row.name for row in table_rows(result) if row.kind == "class"]
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert len(axes.containers) == 2
    points = axes.containers[0][0].get_xdata()
    assert points == pytest.approx([100 * entry.counted.value for entry in result.classes])
    alone = interval_figure(differential(counted({"NGS": 5}), known=KNOWN))
    assert len(alone.axes[0].containers) == 1
