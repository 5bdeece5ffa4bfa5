"""Differential count → figure: classes as rows, shares with their intervals."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.differential.count_roles import BLASTS
from marrowscope.differential.decision_thresholds import BLAST_DECISIONS
from marrowscope.differential.differential_result import Differential
from marrowscope.report.count.class_table import has_correction, shown_entries
from marrowscope.report.fonts import drawable_text, font_families
from marrowscope.scoring import Estimate

# Okabe–Ito, and each with a marker of its own: told apart without colours too.
COUNTED, CORRECTED = "#0072B2", "#D55E00"
_WIDTH = 5.6  # inches: letters stay readable when a telephone shrinks it
_NAME_LENGTH = 28


def interval_figure(result: Differential) -> Figure:
    """Shares of the classes that the classifier knows, in the order of the table.

    The rows of blasts have marks at 5, 10 and 20 %.
    """
    entries = shown_entries(result)
    corrected = has_correction(result)
    rows = np.arange(len(entries))
    height = max(2.4, 0.34 * len(entries) + 1.3)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.subplots()
    shift = 0.16 if corrected else 0.0
    counted = [entry.counted for entry in entries]
    _draw(axes, rows - shift, counted, COUNTED, "o", "counted, Wilson 95 %")
    if corrected:
        places = [row for row, entry in enumerate(entries) if entry.corrected is not None]
        values = [entry.corrected for entry in entries if entry.corrected is not None]
        _draw(axes, np.array(places) + shift, values, CORRECTED, "s", "corrected, bootstrap 95 %")
    for row in range(1, len(entries)):
        if entries[row].lineage != entries[row - 1].lineage:
            axes.axhline(row - 0.5, color="#888888", linewidth=0.8)
    right = axes.get_xlim()[1]
    axes.set_xlim(-0.01 * right, right)
    for row, entry in enumerate(entries):
        if entry.code in BLASTS:
            _mark_decisions(axes, row, right)
    fonts = font_families(entry.name for entry in entries)
    names = [_cut(_drawable(entry.name, fonts)) for entry in entries]
    axes.set_yticks(rows, names, fontfamily=fonts, parse_math=False, fontsize=9.5)
    axes.set_ylim(len(entries) - 0.5, -0.5)
    axes.set_xlabel("% of the countable cells")
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    figure.supxlabel(RESEARCH_USE_ONLY, fontsize=7, color="#595959")
    return figure


def _draw(
    axes: Axes, rows: np.ndarray, values: list[Estimate], colour: str, marker: str, label: str
) -> None:
    share = 100 * np.array([value.value for value in values])
    low, high = (
        100 * np.array([getattr(value, end) for value in values]) for end in ("low", "high")
    )
    spread = np.clip(np.nan_to_num(np.stack([share - low, high - share])), 0, None)
    axes.errorbar(
        share,
        rows,
        xerr=spread,
        fmt=marker,
        color=colour,
        markersize=5,
        elinewidth=1.6,
        capsize=2.5,
        label=label,
    )


def _mark_decisions(axes: Axes, row: int, right: float) -> None:
    for threshold in BLAST_DECISIONS:
        if 100 * threshold < right:
            axes.plot(
                [100 * threshold] * 2,
                [row - 0.45, row + 0.45],
                color="#000000",
                linewidth=1,
                linestyle=(0, (2, 1.5)),
                zorder=1,
            )


def drawable(text: str) -> str:
    """A name of a user as the installed fonts can draw it."""
    return _drawable(text, font_families([text]))


def _drawable(text: str, fonts: list[str]) -> str:
    return drawable_text("".join(sign if sign.isprintable() else "·" for sign in text), fonts)


def _cut(text: str) -> str:
    return text if len(text) <= _NAME_LENGTH else text[: _NAME_LENGTH - 1] + "…"
