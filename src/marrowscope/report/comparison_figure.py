"""Comparison of models → the study's Figure 3B: recall of key classes, error bars over folds."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.evaluation.model_comparison import SCORINGS, Comparison
from marrowscope.report.fonts import drawable_text, font_families

# Okabe–Ito, told apart by people with any of the common colour visions.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")


def comparison_figure(result: Comparison, classes: tuple[str, ...] | None = None) -> Figure:
    """Bars of mean recall with the standard deviation over folds, and a dot for every fold.

    Args:
        result: of ``compare``.
        classes: to show, in this order; default: all that have cells.
    """
    shown = classes or result.codes
    count = len(result.models)
    width = 0.8 / count
    length = max(5.5, 0.36 * len(shown) * max(1.0, count / 2) + 1.5)
    figure = Figure(figsize=(length, 5.6), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    fonts = font_families((*result.models, *shown))
    text = {"fontfamily": fonts, "parse_math": False, "fontsize": 8}
    for axes, kind in zip(panels, reversed(SCORINGS), strict=True):
        for place, model in enumerate(result.models):
            rows = result.recalls.filter((pl.col("model") == model) & (pl.col("kind") == kind))
            by_class = {row["class"]: row for row in rows.iter_rows(named=True)}
            centre = np.arange(len(shown)) + (place - (count - 1) / 2) * width
            colour = _COLOURS[place % len(_COLOURS)]
            axes.bar(
                centre,
                [by_class[code]["mean"] for code in shown],
                0.92 * width,
                color=colour,
                yerr=[by_class[code]["sd"] or 0.0 for code in shown],
                error_kw={"elinewidth": 1, "capsize": 2, "ecolor": "#333333"},
                label=drawable_text("".join(s if s.isprintable() else "·" for s in model), fonts),
            )
            if result.folds:
                for x, code in zip(centre, shown, strict=True):
                    values = by_class[code]["values"]
                    axes.plot([x] * len(values), values, ".", color="#333333", markersize=2.5)
        axes.set_ylim(0, 1.04)
        axes.set_ylabel(f"{kind} recall", fontsize=9)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for edge in ("top", "right"):
            axes.spines[edge].set_visible(False)
    panels[-1].set_xticks(range(len(shown)), shown, **text)
    panels[-1].set_xlim(-0.6, len(shown) - 0.4)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=min(count, 4),
        frameon=False,
        prop={"family": fonts, "size": 8},
    )
    bars = (
        f"error bars: standard deviation over {len(result.folds)} folds. " if result.folds else ""
    )
    figure.supxlabel(
        f"{result.cells:,} cells; {bars}{RESEARCH_USE_ONLY}", fontsize=6.5, color="#777777"
    )
    return figure
