"""Explanations side by side, in the layout of the study: image, SmoothGrad, Grad-CAM, below each
other, one column per cell."""

from collections.abc import Sequence

import cv2
import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.explain.explained_cells import ExplainedCell
from marrowscope.explain.label_randomization import LabelRandomization

OVERLAY = 0.45  # of the heat map over the image
_COLOURS = {"SmoothGrad": "#0072B2", "Grad-CAM": "#D55E00"}


def explanation_figure(cells: Sequence[ExplainedCell], title: str) -> Figure:
    """Rows: the image, SmoothGrad (lighter = more), Grad-CAM over the image (red = more)."""
    columns = len(cells)
    figure = Figure(figsize=(1.75 * columns + 0.9, 6.1), layout="constrained")
    axes = figure.subplots(3, columns, squeeze=False)
    for column, cell in enumerate(cells):
        pictures = (cell.image, to_grey(cell.smoothgrad), overlay(cell.image, cell.grad_cam))
        for row, picture in enumerate(pictures):
            place = axes[row][column]
            place.imshow(picture, cmap="gray", vmin=0, vmax=255)
            place.set_xticks([])
            place.set_yticks([])
        axes[0][column].set_title(cell.title, fontsize=9, parse_math=False)
    for row, name in enumerate(("image", "SmoothGrad", "Grad-CAM")):
        axes[row][0].set_ylabel(name, fontsize=9)
    figure.suptitle(title, fontsize=10, parse_math=False)
    figure.supxlabel(RESEARCH_USE_ONLY, fontsize=7, color="0.4")
    return figure


def to_grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W) map as grey levels; the brightest half per cent is cut."""
    top = float(np.percentile(values, 99.5)) or float(values.max()) or 1.0
    return np.asarray(np.clip(values / top, 0, 1) * 255, dtype=np.uint8)


def overlay(image: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 3) heat map from blue to red over the image."""
    top = float(values.max()) or 1.0
    heat = cv2.applyColorMap((values / top * 255).astype(np.uint8), cv2.COLORMAP_JET)[:, :, ::-1]
    mixed = (1 - OVERLAY) * image.astype(np.float32) + OVERLAY * heat.astype(np.float32)
    return np.asarray(mixed.round(), dtype=np.uint8)


def sanity_figure(
    curves: pl.DataFrame, title: str, labels: LabelRandomization | None = None
) -> Figure:
    """Similarity of explanations as layers become random; beside it, of networks by their labels.

    Squares on the right: two networks that learned the same labels (filled), and one that learned
    permuted ones (open).
    """
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    steps = int(curves["step"].max() or 0)  # type: ignore[arg-type]
    for place, (axes, (column, name)) in enumerate(
        zip(panels, (("spearman", "rank correlation"), ("ssim", "SSIM")), strict=True)
    ):
        for method, colour in _COLOURS.items():
            own = curves.filter(pl.col("method") == method)
            axes.plot(own["step"], own[column], "o-", color=colour, label=method, markersize=3)
            if labels is not None:
                for right, kind, face in (
                    (steps + 2, labels.same, colour),
                    (steps + 3, labels.permuted, "white"),
                ):
                    axes.plot(
                        [right],
                        [kind[method][place]],
                        "s",
                        color=colour,
                        markerfacecolor=face,
                        markersize=6,
                    )
        if labels is not None:
            axes.axvline(steps + 1, color="0.8", linewidth=0.8)
            axes.set_xticks(range(0, steps + 1, 2))
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.set(xlabel="layers made random, from the last", title=name)
        axes.set_ylim(-0.3, 1.05)
    panels[0].set_ylabel("similarity to the learned network's")
    panels[0].legend(frameon=False)
    if labels is not None:
        kinds = (("black", "taught the same labels"), ("white", "taught permuted labels"))
        panels[1].legend(
            [
                Line2D([], [], marker="s", linestyle="", color="black", markerfacecolor=face)
                for face, _ in kinds
            ],
            [text for _, text in kinds],
            frameon=False,
            loc="upper right",
        )
    figure.suptitle(title, fontsize=10, parse_math=False)
    figure.supxlabel(RESEARCH_USE_ONLY, fontsize=7, color="0.4")
    return figure
