"""Reliability diagram before and after calibration."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.io.atomic import replacing
from marrowscope.models.calibration import Calibration
from marrowscope.report.fonts import font_families

_MOST_AREA = 260.0  # points², of the largest dot


def calibration_figure(calibration: Calibration, name: str) -> Figure:
    """Two panels: stated confidence against the share of correct cells, before and after.

    Dots have the area of their number of cells; both panels show cells that the calibration was not
    fitted to.
    """
    figure = Figure(figsize=(8.4, 5.2), layout="constrained")
    measured = calibration.measured
    for axes, key in zip(figure.subplots(1, 2, sharey=True), ("before", "after"), strict=True):
        points = np.array(measured["reliability"][key], dtype=float).reshape(-1, 3)
        axes.plot([0, 1], [0, 1], "--", color="0.5", linewidth=1)
        axes.plot(points[:, 0], points[:, 1], color="#0072B2", linewidth=1)
        area = _MOST_AREA * points[:, 2] / points[:, 2].max()
        axes.scatter(
            points[:, 0], points[:, 1], s=area + 8, color="#0072B2", alpha=0.8, clip_on=False
        )
        error, low, high = measured[f"ece_{key}"]
        axes.set_title(
            f"{key}: calibration error {error:.3f}\n95 % interval {low:.3f} to {high:.3f}",
            fontsize=10,
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="stated confidence", aspect="equal")
    figure.axes[0].set_ylabel("share of correct cells")
    figure.suptitle(
        f"{name}, {measured['cells']} held-out cells, T = {calibration.temperature:.2f}",
        fontsize=11, fontfamily=font_families([name]), parse_math=False,
    )  # fmt: skip
    figure.supxlabel(RESEARCH_USE_ONLY, fontsize=7, color="0.4")
    return figure


def write_calibration_figure(calibration: Calibration, name: str, path: Path) -> None:
    """Write the figure as PNG.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        calibration_figure(calibration, name).savefig(temporary, format="png", dpi=150)
