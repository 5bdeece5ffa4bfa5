"""Results → figures: confusion, scores per class, folds, reliability; saving is the caller's.

Figures are built without pyplot, so that no window system and no global state is involved.
"""

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.evaluation.evaluation_result import ClassResult, Evaluation
from marrowscope.io.atomic import replacing
from marrowscope.models.calibration import Calibration
from marrowscope.morphology import BY_CODE, LINEAGE_COLOURS, Lineage
from marrowscope.report.fonts import drawable_text, font_families
from marrowscope.scoring import confusion_matrix

_TRUTH_LABEL = "true class"
_NAME_LENGTH = 32  # longer names of users' classes are cut in figures
_MAX_AREA = 260.0  # points², of the largest dot
_FOLD_COLUMNS = 3
# Told apart with any colour vision (Okabe and Ito 2008).
_LABORATORY_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def confusion_figure(result: Evaluation) -> Figure:
    """Row-normalized confusion matrix in lineage order with class sizes beside it.

    The layout of the study's Figure 2: rows are the truth, each sums to 1; the bars show the
    number of cells on a logarithmic axis. Classes that neither occur nor are predicted are left
    out; a class that is only predicted keeps an empty row.
    """
    shown = (result.matrix.sum(axis=0) + result.matrix.sum(axis=1)) > 0
    codes = tuple(code for code, show in zip(result.codes, shown, strict=True) if show)
    matrix = result.matrix[np.ix_(shown, shown)]
    count = len(codes)
    sizes = matrix.sum(axis=1)
    share = matrix / np.maximum(sizes, 1)[:, None]
    height = max(4.2, 0.42 * count + 1.4)
    figure = Figure(figsize=(1.17 * height + 2.0, height), layout="constrained")
    axes, bars = figure.subplots(1, 2, width_ratios=(6, 1), sharey=True)
    # Not "equal": it would shrink the matrix only, and bars would stand beside other rows.
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row in range(count):
        for column in range(count):
            if matrix[row, column]:
                _write_share(axes, row, column, share[row, column], count)
    # Class names of users are no formulas, whatever dollar signs they hold.
    fonts = font_families(codes)
    text = {"fontsize": 8, "fontfamily": fonts, "parse_math": False}
    axes.set_yticks(range(count), [_named(code, fonts) for code in codes], **text)
    axes.set_xticks(range(count), [_short(code, fonts) for code in codes], rotation=90, **text)
    for labels in (axes.get_yticklabels(), axes.get_xticklabels()):
        for label, code in zip(labels, codes, strict=True):
            label.set_color(_colour(code))
    axes.set_xlabel("predicted class")
    axes.set_ylabel(_TRUTH_LABEL)
    _separate_lineages(axes, codes)
    bars.barh(range(count), np.maximum(sizes, 0), color=[_colour(code) for code in codes])
    axes.set_ylim(count - 0.5, -0.5)  # shared: bars add no margin of their own
    bars.set_xscale("log")
    bars.set_xlim(0.8, max(10, sizes.max() * 2.2))
    for row, size in enumerate(sizes):
        bars.text(max(size, 1) * 1.08, row, f"{size:,}", va="center", fontsize=7)
    bars.tick_params(axis="y", left=False, labelleft=False)
    bars.set_xlabel("cells")
    for edge in ("top", "right"):
        bars.spines[edge].set_visible(False)
    _footer(figure, result)
    return figure


def per_class_figure(result: Evaluation) -> Figure:
    """Precision and recall per class, strict and tolerant, with intervals and published values."""
    entries = [entry for entry in result.classes if entry.cells]
    height = max(2.6, 0.36 * len(entries) + 1.4)
    figure = Figure(figsize=(9.5, height), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, name in ((left, "precision"), (right, "recall")):
        _dots(axes, entries, name)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel(name)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for edge in ("top", "right"):
            axes.spines[edge].set_visible(False)
    fonts = font_families(entry.code for entry in entries)
    names = [_named(entry.code, fonts) for entry in entries]
    left.set_yticks(range(len(entries)), names, fontfamily=fonts, parse_math=False)
    left.invert_yaxis()
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    _footer(figure, result)
    return figure


def reliability_figure(result: Evaluation) -> Figure:
    """Share of correct cells against stated confidence; the area of a dot is its cell count."""
    figure = Figure(figsize=(3.8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
    points = np.array(result.calibration["bins"], dtype=float).reshape(-1, 3)
    if len(points):
        area = 20 + 180 * points[:, 2] / points[:, 2].max()
        axes.scatter(points[:, 0], points[:, 1], s=area, color="#0072B2", alpha=0.8, linewidth=0)
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("stated confidence")
    axes.set_ylabel("share correct")
    _footer(figure, result)
    return figure


def _dots(axes: Axes, entries: list[ClassResult], name: str) -> None:
    rows = np.arange(len(entries))
    for kind, shift, colour in (("strict", -0.14, "#0072B2"), ("tolerant", 0.14, "#E69F00")):
        values = [getattr(entry, kind)[name] for entry in entries]
        middle = np.array([value.value for value in values])
        spread = np.abs(
            np.array([[v.value - v.low for v in values], [v.high - v.value for v in values]])
        )
        axes.errorbar(
            middle,
            rows + shift,
            xerr=np.nan_to_num(spread),
            fmt="o",
            color=colour,
            markersize=4.5,
            elinewidth=1.2,
            label=f"{kind}, 95 % interval",
        )
        published = [
            np.nan if entry.published is None else entry.published[f"{kind}_{name}"][0]
            for entry in entries
        ]
        if np.isnan(published).all():
            continue
        axes.scatter(
            published,
            rows + shift,
            marker="|",
            s=90,
            color=colour,
            alpha=0.55,
            linewidth=2,
            label=f"published, {kind}",
        )


def _write_share(axes: Axes, row: int, column: int, share: float, count: int) -> None:
    text = "<.01" if share < 0.005 else f"{share:.2f}".lstrip("0")
    colour = "white" if share > 0.55 else "#1a1a1a"
    axes.text(
        column, row, text, ha="center", va="center", color=colour, fontsize=6.5 if count > 10 else 8
    )


def _separate_lineages(axes: Axes, codes: tuple[str, ...]) -> None:
    for place in range(1, len(codes)):
        if _lineage(codes[place]) != _lineage(codes[place - 1]):
            axes.axhline(place - 0.5, color="#444444", linewidth=0.8)
            axes.axvline(place - 0.5, color="#444444", linewidth=0.8)


def _lineage(code: str) -> Lineage | None:
    return BY_CODE[code].lineage if code in BY_CODE else None


def _named(code: str, fonts: list[str]) -> str:
    return f"{BY_CODE[code].name}  {code}" if code in BY_CODE else _short(code, fonts)


def _short(code: str, fonts: list[str]) -> str:
    shown = "".join(sign if sign.isprintable() else "·" for sign in code)
    shown = drawable_text(shown, fonts)
    return shown if len(shown) <= _NAME_LENGTH else shown[: _NAME_LENGTH - 1] + "…"


def _colour(code: str) -> str:
    lineage = _lineage(code)
    return "#333333" if lineage is None else LINEAGE_COLOURS[lineage]


def _footer(figure: Figure, result: Evaluation) -> None:
    text = ("Synthetic cells. " if result.synthetic else "") + RESEARCH_USE_ONLY
    figure.supxlabel(text, fontsize=6.5, color="#777777")


def fold_confusions_figure(predictions: pl.DataFrame, codes: tuple[str, ...]) -> Figure:
    """Confusion maps of all folds on one scale; what differs between them is chance of the split.

    Args:
        predictions: with ``label``, ``predicted`` and ``fold``; rows that lack one are left out.
        codes: classes in the order to show; those that neither occur nor are predicted are left
            out of all maps.
    """
    rows = predictions.drop_nulls(["label", "predicted", "fold"])
    occurring = set(rows["label"].to_list()) | set(rows["predicted"].to_list())
    shown = tuple(code for code in codes if code in occurring)
    place = {code: index for index, code in enumerate(shown)}
    names = rows["fold"].unique().sort().to_list()
    columns = min(_FOLD_COLUMNS, len(names))
    lines = -(-len(names) // columns)
    side = max(2.6, 0.19 * len(shown) + 1.2)
    figure = Figure(figsize=(side * columns + 0.8, side * lines + 0.6), layout="constrained")
    grid = np.asarray(figure.subplots(lines, columns, squeeze=False)).ravel()
    fonts = font_families(shown)
    text = {"fontsize": 6.5, "fontfamily": fonts, "parse_math": False}
    image = None
    for axes, name in zip(grid, names, strict=False):
        part = rows.filter(pl.col("fold") == name)
        matrix = confusion_matrix(
            np.array([place[code] for code in part["label"]], dtype=np.int64),
            np.array([place[code] for code in part["predicted"]], dtype=np.int64),
            len(shown),
        )
        sizes = matrix.sum(axis=1)
        share = matrix / np.maximum(sizes, 1)[:, None]
        # A class without a cell in this fold is grey: nothing is known, which is not zero.
        share = np.where((sizes > 0)[:, None], share, np.nan)
        axes.set_facecolor("#dddddd")
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(shown)), shown, rotation=90, **text)
        axes.set_yticks(range(len(shown)), shown, **text)
        axes.set_title(f"fold {name}, {part.height:,} cells", fontsize=8)
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    if image is not None:
        bar = figure.colorbar(image, ax=list(grid), fraction=0.02)
        bar.set_label("share of the true class", fontsize=7)
    figure.supylabel("true class", fontsize=8)
    figure.supxlabel(f"predicted class\n{RESEARCH_USE_ONLY}", fontsize=7)
    return figure


def calibration_figure(calibration: Calibration, name: str) -> Figure:
    """Two panels: stated confidence against the share of correct cells, before and after.

    Dots have the area of their number of cells; both panels show cells that the calibration was not
    fitted to. Where several laboratories were measured each has a dashed line.
    """
    figure = Figure(figsize=(8.4, 5.2), layout="constrained")
    measured = calibration.measured
    for axes, key in zip(figure.subplots(1, 2, sharey=True), ("before", "after"), strict=True):
        points = np.array(measured["reliability"][key], dtype=float).reshape(-1, 3)
        axes.plot([0, 1], [0, 1], "--", color="0.5", linewidth=1)
        axes.plot(points[:, 0], points[:, 1], color="#0072B2", linewidth=1)
        area = _MAX_AREA * points[:, 2] / points[:, 2].max()
        axes.scatter(
            points[:, 0], points[:, 1], s=area + 8, color="#0072B2", alpha=0.8, clip_on=False
        )
        _draw_laboratories(axes, measured.get("laboratories", {}), key)
        error, low, high = measured[f"ece_{key}"]
        axes.set_title(
            f"{key}: calibration error {error:.3f}\n95 % interval {low:.3f} to {high:.3f}",
            fontsize=10,
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="stated confidence", aspect="equal")
    figure.axes[0].set_ylabel("share of correct cells")
    figure.suptitle(
        f"{name}, {measured['cells']} held-out cells, T = {calibration.temperature:.2f}",
        fontsize=11,
        fontfamily=font_families([name]),
        parse_math=False,
    )
    figure.supxlabel(RESEARCH_USE_ONLY, fontsize=7, color="0.4")
    return figure


def _draw_laboratories(axes: Axes, measures: dict[str, Any], key: str) -> None:
    if not measures:
        return
    fonts = font_families(list(measures))
    for (name, one), colour in zip(measures.items(), cycle(_LABORATORY_COLOURS), strict=False):
        points = np.array(one["reliability"][key], dtype=float).reshape(-1, 3)
        error = f"{drawable_text(name, fonts)}, {one['cells']} cells: {one[f'ece_{key}'][0]:.3f}"
        axes.plot(
            points[:, 0], points[:, 1], "o", ls="dashed", ms=3, lw=1, color=colour, label=error
        )
    legend = axes.legend(loc="upper left", prop={"family": fonts, "size": 7})
    for text in legend.get_texts():
        text.set_parse_math(False)


def write_calibration_figure(calibration: Calibration, name: str, path: Path) -> None:
    """Write the figure as PNG.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        calibration_figure(calibration, name).savefig(temporary, format="png", dpi=150)
