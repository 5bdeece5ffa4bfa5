"""One row-normalized confusion matrix per fold, side by side."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.report.fonts import font_families
from marrowscope.scoring import confusion_matrix

_COLUMNS = 3


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
    columns = min(_COLUMNS, len(names))
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
