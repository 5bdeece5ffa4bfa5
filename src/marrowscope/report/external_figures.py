"""External validation and domain shift → figures, after the study's Figure 4."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.evaluation.domain_shift import DomainShift
from marrowscope.evaluation.external_validation import ExternalResult
from marrowscope.morphology import BY_CODE, LINEAGE_COLOURS
from marrowscope.report.fonts import drawable_text, font_families

_NAME_LENGTH = 32
_PLAIN = "#333333"


def external_figure(result: ExternalResult) -> Figure:
    """Row-normalized matrix of called cells; compatible classes framed; no-calls beside it."""
    codes, rows = result.codes, len(result.classes)
    sizes = result.matrix.sum(axis=1)
    share = result.matrix / np.maximum(sizes, 1)[:, None]
    height = max(2.8, 0.42 * rows + 1.9)
    figure = Figure(figsize=(0.36 * len(codes) + 5.2, height), layout="constrained")
    axes, bars = figure.subplots(1, 2, width_ratios=(6, 1.2), sharey=True)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, entry in enumerate(result.classes):
        for column, code in enumerate(codes):
            if code in entry.compatible:
                axes.add_patch(
                    Rectangle(
                        (column - 0.46, row - 0.46),
                        0.92,
                        0.92,
                        fill=False,
                        edgecolor="#E69F00",
                        linewidth=1.4,
                    )
                )
            if result.matrix[row, column]:
                axes.text(
                    column,
                    row,
                    str(result.matrix[row, column]),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if share[row, column] > 0.55 else "#1a1a1a",
                )
    fonts = font_families([entry.name for entry in result.classes] + list(codes))
    text = {"fontsize": 8, "fontfamily": fonts, "parse_math": False}
    names = [_short(entry.name, fonts) for entry in result.classes]
    axes.set_yticks(range(rows), names, **text)
    axes.set_xticks(range(len(codes)), [_short(code, fonts) for code in codes], rotation=90, **text)
    for label, code in zip(axes.get_xticklabels(), codes, strict=True):
        label.set_color(LINEAGE_COLOURS[BY_CODE[code].lineage] if code in BY_CODE else _PLAIN)
    axes.set_xlabel("predicted class (frames: compatible)", fontsize=8)
    axes.set_ylabel("external class", fontsize=8)
    for row, entry in enumerate(result.classes):
        bars.barh(row, entry.no_calls.value, color="#999999")
        bars.text(
            1.04, row, f"{entry.no_calls.right}/{entry.no_calls.cells}", va="center", fontsize=7
        )
    axes.set_ylim(rows - 0.5, -0.5)
    bars.set_xlim(0, 1)
    bars.set_xticks([0, 0.5, 1], ["0", ".5", "1"], fontsize=7)
    bars.tick_params(axis="y", left=False, labelleft=False)
    bars.set_xlabel("no call, share", fontsize=8)
    for edge in ("top", "right"):
        bars.spines[edge].set_visible(False)
    figure.supxlabel(
        f"{sizes.sum()} of {result.no_calls.cells} cells called. {RESEARCH_USE_ONLY}",
        fontsize=6.5,
        color="#777777",
    )
    return figure


def domain_shift_figure(result: DomainShift) -> Figure:
    """Standardized differences to the training data, one bar per measure."""
    entries = result.measures
    figure = Figure(figsize=(6.2, 0.32 * len(entries) + 1.5), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-1, 1, color="#eeeeee", zorder=0)
    values = np.nan_to_num([entry.difference for entry in entries])
    axes.barh(range(len(entries)), values, color="#0072B2")
    axes.set_yticks(range(len(entries)), [e.name.replace("_", " ") for e in entries], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="#333333", linewidth=0.8)
    reach = max(1.5, 1.1 * float(np.abs(values).max(initial=0)))
    axes.set_xlim(-reach, reach)
    axes.set_xlabel("difference to training data, in its standard deviations", fontsize=8)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    figure.supxlabel(
        f"{result.cells} cells, {result.reference} of the training data. {RESEARCH_USE_ONLY}",
        fontsize=6.5,
        color="#777777",
    )
    return figure


def _short(name: str, fonts: list[str]) -> str:
    shown = drawable_text("".join(sign if sign.isprintable() else "·" for sign in name), fonts)
    return shown if len(shown) <= _NAME_LENGTH else shown[: _NAME_LENGTH - 1] + "…"
