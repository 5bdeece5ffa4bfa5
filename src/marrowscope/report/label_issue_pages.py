"""Label issues → a folder: contact sheet, page, and the list that a cytologist corrects."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.cell_pixels import cell_of, read_cell_pixels
from marrowscope.errors import InputError
from marrowscope.evaluation.label_issues import LabelIssues
from marrowscope.io.atomic import replacing_folder
from marrowscope.io.folder_guards import require_only
from marrowscope.io.json_data import json_text
from marrowscope.morphology import BY_CODE
from marrowscope.preprocessing import resize
from marrowscope.report.fonts import drawable_text, font_families
from marrowscope.report.html import image_uri, page_environment

ISSUE_LIST = "suspects.csv"
MAX_PER_CLASS = 60  # on the page; the list has them all
MAX_ON_SHEET = 8  # of each class
THUMBNAIL = 144  # px on the page
_OWN = {ISSUE_LIST, "suspects.html", "suspects.png", "suspects.json"}
_MISSING = 236  # grey of an image that cannot be read

Image = NDArray[np.uint8]


def write_label_issues(found: LabelIssues, folder: Path, title: str) -> None:
    """Write suspects.csv, suspects.html, suspects.png, suspects.json, in one rename.

    Args:
        found: of ``find_label_issues``.
        folder: new, empty, or earlier suspects without a correction, which are replaced.
        title: of the page.

    Raises:
        InputError: the folder cannot be written, or holds other files or somebody's corrections.
    """
    require_label_issue_folder(folder)
    pictures = _pictures(found)
    with replacing_folder(folder) as place:
        found.table.write_csv(place / ISSUE_LIST)
        sheet_figure(found, pictures).savefig(place / "suspects.png", dpi=120)
        page = _render(found, pictures, title)
        (place / "suspects.html").write_text(page, encoding="utf-8", errors="replace")
        facts = {
            "judged": found.judged,
            "not_judged": found.not_judged,
            "trained_on": found.trained_on,
            "listed": found.table.height,
            "classes": [asdict(entry) for entry in found.classes],
            "laboratories": [asdict(entry) for entry in found.laboratories],
        }
        (place / "suspects.json").write_text(json_text(facts), encoding="utf-8")


def require_label_issue_folder(folder: Path) -> None:
    """Refuse a folder with other files, or whose list somebody has worked on.

    Raises:
        InputError: it is such a folder, or it cannot be read.
    """
    from marrowscope.dataset.label_corrections import read_corrections

    inside = require_only(folder, _OWN, "an earlier list")
    # A list without a line has nothing to lose.
    if ISSUE_LIST in inside and (folder / ISSUE_LIST).read_bytes().count(b"\n") > 1:
        worked_on = read_corrections(folder / ISSUE_LIST)
        if worked_on:
            raise InputError(
                f"{folder / ISSUE_LIST}: holds {len(worked_on)} corrections, which would be lost; "
                "name a new folder"
            )


def sheet_figure(found: LabelIssues, pictures: dict[str, Image]) -> Figure:
    """One row per class of the label: its most doubtful cells, each with the class that fits.

    Args:
        found: of ``find_label_issues``.
        pictures: (H, W, 3) uint8 RGB by ``cell_id``; cells without are left grey.
    """
    shown = [entry for entry in found.classes if entry.listed]
    fonts = font_families([*(entry.code for entry in found.classes), *found.table["suggested"]])
    text = {"fontfamily": fonts, "parse_math": False}
    rows = max(len(shown), 1)
    figure = Figure(figsize=(1.2 * (MAX_ON_SHEET + 1), 1.52 * rows + 0.6), layout="constrained")
    figure.suptitle(f"Labels in doubt, most doubtful first. {RESEARCH_USE_ONLY}", fontsize=9)
    grid = figure.subplots(rows, MAX_ON_SHEET + 1, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for entry, line in zip(shown, grid, strict=False):
        known = BY_CODE.get(entry.code)
        name = known.name.replace(" ", "\n") if known else ""
        lines = (
            "labelled",
            drawable_text(entry.code, fonts),
            name,
            f"{entry.cells} cells",
            f"{entry.listed} listed",
        )
        line[0].text(
            0.0,
            0.5,
            "\n".join(filter(None, lines)),
            va="center",
            fontsize=8,
            transform=line[0].transAxes,
            **text,
        )
        cells = found.table.filter(found.table["label"] == entry.code).head(MAX_ON_SHEET)
        for row, axes in zip(cells.iter_rows(named=True), line[1:], strict=False):
            axes.imshow(pictures.get(row["cell_id"], np.full((9, 9, 3), _MISSING, np.uint8)))
            axes.set_title(
                f"{drawable_text(row['suggested'], fonts)} {row['p_suggested']:.2f}?  "
                f"#{row['rank']}\nnot {drawable_text(row['label'], fonts)} {row['p_label']:.2f}",
                fontsize=7,
                pad=2,
                **text,
            )
    return figure


def _pictures(found: LabelIssues) -> dict[str, Image]:
    """Small pictures of the cells that the page shows; unreadable files are passed over."""
    pictures = {}
    for entry in found.classes:
        cells = found.table.filter(found.table["label"] == entry.code).head(MAX_PER_CLASS)
        for row in cells.iter_rows(named=True):
            try:
                cell = cell_of(row)
                image = read_cell_pixels(cell).own
            except (InputError, ValueError):  # ValueError: a path with a null byte
                continue
            pictures[row["cell_id"]] = resize(image, THUMBNAIL, THUMBNAIL)
    return pictures


def _render(found: LabelIssues, pictures: dict[str, Image], title: str) -> str:
    groups: list[dict[str, Any]] = []
    for entry in found.classes:
        cells = found.table.filter(found.table["label"] == entry.code)
        known = BY_CODE.get(entry.code)
        groups.append(
            {
                "entry": entry,
                "name": known.name if known else "",
                "rest": max(cells.height - MAX_PER_CLASS, 0),
                "cells": [
                    {
                        **row,
                        "file": Path(row["path"] or "").name,
                        "uri": _uri(pictures.get(row["cell_id"])),
                    }
                    for row in cells.head(MAX_PER_CLASS).iter_rows(named=True)
                ],
            }
        )
    return (
        page_environment()
        .get_template("suspects.html")
        .render(
            title=title,
            found=found,
            groups=groups,
            list=ISSUE_LIST,
            research_use_only=RESEARCH_USE_ONLY,
            version=__version__,
        )
    )


def _uri(image: Image | None) -> str:
    return "" if image is None else image_uri(image, 88)
