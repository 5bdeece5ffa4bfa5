"""Embedding → a figure, and a page on which pointing at a cell shows it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
from matplotlib.figure import Figure

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.cell_pixels import CellImage, cell_images, read_cell
from marrowscope.explain.embedding import Embedding
from marrowscope.io.image_file import ImageError
from marrowscope.morphology import BY_CODE, in_display_order
from marrowscope.report.fonts import font_families
from marrowscope.report.html import image_uri

MAX_SHOWN = 3_000  # cells in the interactive page; about 3 kB each
_SIDE = 72  # px of a thumbnail
# Okabe–Ito, told apart by people with any of the common colour visions; classes beyond eight
# repeat the colours with another marker.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a7a00", "#000000")
_MARKERS = (("o", "circle"), ("^", "triangle-up"), ("s", "square"))
_UNKNOWN = "no label"


def embedding_figure(embedding: Embedding, title: str) -> Figure:
    """Every cell as a mark with colour and shape of its class, the class's name at its middle."""
    figure = Figure(figsize=(8.6, 6.6), layout="constrained")
    axes = figure.subplots()
    for code, rows, colour, (marker, _) in _classes(embedding.table):
        x, y = rows["umap_1"].to_numpy(), rows["umap_2"].to_numpy()
        axes.scatter(
            x,
            y,
            s=9,
            color=colour,
            marker=marker,
            alpha=0.7,
            linewidths=0,
            label=f"{code} {_name(code)} ({rows.height})",
        )
        if code != _UNKNOWN:
            axes.annotate(
                code,
                (float(np.median(x)), float(np.median(y))),
                fontsize=9,
                weight="bold",
                ha="center",
                va="center",
                fontfamily=font_families([code]),
                parse_math=False,
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": colour, "alpha": 0.85},
            )
    axes.set(xticks=[], yticks=[], title=title)
    axes.set_xlabel(f"{embedding.method}; distances between groups mean little", fontsize=8)
    axes.legend(
        frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2
    )
    figure.supxlabel(RESEARCH_USE_ONLY, fontsize=7, color="0.4")
    return figure


def embedding_page(embedding: Embedding, title: str, seed: int = 0) -> str:
    """A page that needs nothing from elsewhere; pointing at a mark shows the cell.

    At most 3,000 cells are shown, drawn at random from more, and the page says so.
    """
    import plotly.graph_objects as graph

    table = embedding.table.with_row_index("_row")
    note = ""
    if table.height > MAX_SHOWN:
        table = table.sample(MAX_SHOWN, seed=seed)
        note = f" {MAX_SHOWN:,} of {embedding.table.height:,} cells, drawn at random."
    figure: Any = graph.Figure()
    for code, rows, colour, (_, marker) in _classes(table):
        figure.add_trace(
            graph.Scattergl(
                x=rows["umap_1"].round(4).to_list(),
                y=rows["umap_2"].round(4).to_list(),
                mode="markers",
                name=f"{code} {_name(code)}",
                marker={"color": colour, "symbol": marker, "size": 6},
                customdata=[_thumbnail(cell) for cell in cell_images(rows)],
                text=[f"{code} {Path(path).name}" for path in rows["path"]],
                hoverinfo="text",
            )
        )
    figure.update_layout(
        template="simple_white",
        height=720,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"visible": False},
        yaxis={"visible": False},
    )
    drawn = figure.to_html(
        full_html=False, include_plotlyjs=True, div_id="map", config={"displaylogo": False}
    )
    return _PAGE.format(
        title=_escaped(title),
        research=_escaped(RESEARCH_USE_ONLY),
        method=_escaped(embedding.method + "." + note),
        drawn=drawn,
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
 style-src 'unsafe-inline'; img-src data: blob:"><title>{title}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:1200px;padding:0 1rem}}
.research{{color:#8a4b00;font-weight:600}}#cell{{position:fixed;right:1rem;bottom:1rem;width:180px;
border:1px solid #888;background:#fff}}#cell img{{width:180px;display:block}}</style></head>
<body><h1>{title}</h1><p class="research">{research}</p><p>{method} Point at a cell to see it.</p>
{drawn}<div id="cell" hidden><img alt="the cell"></div>
<script>const box=document.getElementById("cell");
document.getElementById("map").on("plotly_hover",e=>{{const d=e.points[0].customdata;
if(d){{box.firstChild.src=d;box.hidden=false;}}}});</script></body></html>
"""


def _classes(table: pl.DataFrame) -> list[tuple[str, pl.DataFrame, str, tuple[str, str]]]:
    labels = (
        table["label"].fill_null(_UNKNOWN)
        if "label" in table.columns
        else pl.Series([_UNKNOWN] * table.height, dtype=pl.String)
    )
    codes = in_display_order(set(labels.to_list()))
    return [
        (
            code,
            table.filter(labels == code),
            _COLOURS[place % len(_COLOURS)],
            _MARKERS[place // len(_COLOURS) % len(_MARKERS)],
        )
        for place, code in enumerate(codes)
    ]


def _name(code: str) -> str:
    return BY_CODE[code].name if code in BY_CODE else ""


def _thumbnail(cell: CellImage) -> str:
    whole = cell if cell.place is not None else CellImage(cell.path)
    try:
        image = read_cell(whole)
    except ImageError:
        return ""
    small = np.asarray(cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    return image_uri(small, 80)


def _escaped(text: str) -> str:
    from html import escape

    return escape(text.encode("utf-8", "replace").decode())
