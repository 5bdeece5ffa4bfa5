"""Contour, quality map and plan → figure of the smear: where cells can be judged, the walk."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch, Rectangle

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.report.fonts import font_families
from marrowscope.smear.contour import Contour
from marrowscope.smear.field_plan import FieldPlan
from marrowscope.smear.quality_map import QualityMap, RejectionReason

# Okabe–Ito, told apart by people with any of the common colour visions.
REASON_COLOURS = {
    RejectionReason.ACCEPTED: "#009E73",
    RejectionReason.NOT_A_SMEAR: "#000000",
    RejectionReason.EMPTY: "#999999",
    RejectionReason.THICK: "#D55E00",
    RejectionReason.OUT_OF_FOCUS: "#F0E442",
    RejectionReason.PALE: "#56B4E9",
    RejectionReason.DILUTED: "#E69F00",
    RejectionReason.CRUSHED: "#CC79A7",
}
_ROUTE = "#0072B2"
_NUMBERED = 40  # more numbers than that cannot be read


def smear_figure(
    contour: Contour,
    quality_map: QualityMap,
    plan: FieldPlan | None,
    name: str,
    used: int | None = None,
) -> Figure:
    """Overview with contour; squares by reason; the fields in their order.

    Args:
        contour: of the slide.
        judged: its squares.
        plan: its fields; None where there is none.
        name: of the slide, for the title.
        used: how many fields of the plan were counted; default: those of the first round.

    Returns:
        Two panels side by side for upright slides, one above the other for others; axes in mm.
    """
    high, wide = contour.mask.shape
    beside = high > wide
    long, short = max(high, wide), min(high, wide)
    length, breadth = 10.0, max(2.4, 10.0 * short / long)
    size = (2 * breadth + 3.2, length + 0.4) if beside else (length + 3.2, 2 * breadth + 1.0)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    panels = figure.subplots(*((1, 2) if beside else (2, 1)), sharex=True, sharey=True)
    extent = (
        0,
        wide * contour.microns_per_pixel / 1000,
        high * contour.microns_per_pixel / 1000,
        0,
    )
    for axes in panels:
        axes.imshow(contour.overview, extent=extent, interpolation="antialiased")
        axes.set_xlabel("mm")
        axes.set_ylabel("mm")
        axes.label_outer()
    scale = contour.microns_per_pixel / 1000 / np.asarray(contour.downsample)
    _draw_contour(panels[0], contour, scale)
    panels[0].set_title(
        f"{name}: contour of the smear, {contour.area:.1f} mm²",
        fontfamily=font_families([name]),
        parse_math=False,
        fontsize=10,
    )
    _draw_reasons(panels[1], quality_map, scale)
    count = (
        0 if plan is None else min(used if used is not None else plan.first_round, len(plan.fields))
    )
    if plan is not None:
        _draw_plan(panels[1], plan, count, scale)
    panels[1].set_title(_title(quality_map, plan, count), fontsize=10)
    seen = [reason for reason in REASON_COLOURS if quality_map.count(reason)]
    total = sum(quality_map.count(reason) for reason in seen)
    handles = [
        Patch(
            color=REASON_COLOURS[reason],
            alpha=0.6,
            label=f"{reason.description} ({100 * quality_map.count(reason) / total:.0f} %)",
        )
        for reason in seen
    ]
    figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False)
    figure.supxlabel(RESEARCH_USE_ONLY, fontsize=7, color="#666666")
    return figure


def _title(quality_map: QualityMap, plan: FieldPlan | None, count: int) -> str:
    if plan is None:
        return quality_map.rejection_summary() or "no plan"
    return f"where cells can be judged, and {count} of {len(plan.fields)} fields in their order"


def _draw_contour(axes: Axes, contour: Contour, scale: np.ndarray) -> None:
    for polygon in contour.polygons:
        for ring, colour in [
            (polygon.outline, "#009E73"),
            *((h, "#D55E00") for h in polygon.holes),
        ]:
            closed = np.vstack([ring, ring[:1]]) * scale
            axes.plot(closed[:, 0], closed[:, 1], color=colour, linewidth=1.2)


def _draw_reasons(axes: Axes, quality_map: QualityMap, scale: np.ndarray) -> None:
    colours = np.zeros((*quality_map.reason.shape, 4))
    for reason, colour in REASON_COLOURS.items():
        value = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        colours[quality_map.reason == reason] = [*value, 0.45]
    rows, columns = quality_map.reason.shape
    right, bottom = columns * quality_map.side * scale[0], rows * quality_map.side * scale[1]
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(colours, extent=(0, right, bottom, 0), interpolation="nearest")
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _draw_plan(axes: Axes, plan: FieldPlan, count: int, scale: np.ndarray) -> None:
    shown = plan.fields[:count]
    for field in shown:
        corner = field.x * scale[0], field.y * scale[1]
        axes.add_patch(
            Rectangle(
                corner,
                field.width * scale[0],
                field.height * scale[1],
                fill=False,
                edgecolor=_ROUTE,
                linewidth=0.9,
            )
        )
    middles = np.array([(f.x + f.width / 2, f.y + f.height / 2) for f in shown]) * scale
    steps = np.stack([middles[:-1], middles[1:]], axis=1)
    axes.add_collection(LineCollection(list(steps), colors=_ROUTE, linewidths=0.8, alpha=0.7))
    every = max(1, -(-count // _NUMBERED))
    for field, (x, y) in zip(shown, middles, strict=True):
        if field.order % every == 0:
            box = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6}
            number = str(field.order + 1)
            axes.text(x, y, number, fontsize=6, ha="center", va="center", bbox=box)
