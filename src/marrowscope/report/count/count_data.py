"""Count of a smear → plain data for JSON with all that the page says, and a table for CSV."""

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.counting.smear_count import SmearCount
from marrowscope.differential.export import to_dict, to_frame
from marrowscope.errors import InputError
from marrowscope.io.json_data import JsonError, finite, parse_json

KIND = "marrowscope smear count"
DATA = "count.json"  # the file of a report
FORMAT = 1
_PACKAGES = ("numpy", "polars", "torch", "openvino")


def count_dict(count: SmearCount, issued: datetime) -> dict[str, Any]:
    """Everything but pictures and single cells as data for JSON; what does not exist is None.

    Args:
        count: of one smear.
        issued: when the report is written, with time zone.
    """
    data = {
        "kind": KIND,
        "format": FORMAT,
        "use": RESEARCH_USE_ONLY,
        "issued": issued.isoformat(timespec="seconds"),
        "name": count.name,
        "sources": list(count.sources),
        "microns_per_pixel": count.microns_per_pixel,
        "remarks": list(count.remarks),
        "model": _model(count),
        "engine": count.engine,
        "held_out_source": count.held_out_source,
        "differential": to_dict(count.differential),
        **_novel(count),
        "located_kinds": dict(sorted(count.cells["kind"].value_counts().rows())),
        "fields_planned": count.planned,
        "fields_not_counted": [{"name": name, "why": why} for name, why in count.not_counted],
        "fields": [
            {
                "order": field.order,
                "name": field.name,
                "x": field.x,
                "y": field.y,
                "width": field.width,
                "height": field.height,
                "cells": field.cells,
                "countable": field.countable,
            }
            for field in count.fields
        ],
        "smear_area_mm2": count.overview.contour.area if count.overview else None,
        "corrupt": [
            {
                "level": tile.level,
                "x": tile.x,
                "y": tile.y,
                "width": tile.width,
                "height": tile.height,
                "reason": tile.reason,
            }
            for tile in count.corrupt
        ],
        "seconds": round(count.seconds, 1),
        "versions": _versions(),
    }
    cleaned: dict[str, Any] = finite(data)
    return cleaned


def report_summary(folder: Path) -> dict[str, Any]:
    """The numbers of a report that lies in a folder, without single cells and fields.

    Raises:
        InputError: its count.json is missing or damaged.
    """
    path = folder / DATA
    try:
        data = parse_json(path.read_bytes())
        return {
            "name": data["name"],
            "sources": data["sources"],
            "report": str(folder),
            "files": [str(one) for one in sorted(folder.iterdir(), key=_page_first)],
            "model": data["model"]["name"],
            "engine": data["engine"],
            "fields": len(data["fields"]),
            "planned_fields": data["fields_planned"],
            "fields_not_counted": data["fields_not_counted"],
            "located_cells": sum(data["located_kinds"].values()),
            "unreadable_pieces": len(data["corrupt"]),
            "remarks": data["remarks"],
            "seconds": data["seconds"],
            "differential": data["differential"],
        }
    except (OSError, JsonError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); count this slide again") from None


def _page_first(path: Path) -> tuple[bool, str]:
    return path.name != "report.html", path.name


def count_frame(count: SmearCount) -> pl.DataFrame:
    """One row per counted class as in ``differential.export.to_frame``, and the use allowed.

    In every row ``novel_cells`` too, where cells unlike anything that the model knows were told.
    """
    table = to_frame(count.differential)
    novel = count.differential.tally.novel
    if novel is not None:
        table = table.with_columns(novel_cells=pl.lit(novel, pl.Int64))
    return table.with_columns(use=pl.lit(RESEARCH_USE_ONLY))


def _novel(count: SmearCount) -> dict[str, Any]:
    """Cells unlike anything that the model knows; nothing where they were not told."""
    cells = count.differential.tally
    if cells.novel is None:
        return {}
    share = cells.novel / cells.looked_at if cells.looked_at else None
    return {"novel": {"cells": cells.novel, "looked_at": cells.looked_at, "share": share}}


def _model(count: SmearCount) -> dict[str, Any]:
    card = count.card
    return {
        "name": card.name,
        "architecture": card.architecture,
        "weights_sha256": card.weights_sha256,
        "version": card.version,
        "created": card.created,
        "licence": card.licence,
        "known": list(card.known),
        "views": card.views,
        "microns_per_pixel": card.microns_per_pixel,
        "data": card.data,
        "split": card.split,
        "metrics": card.metrics,
    }


def _versions() -> dict[str, str]:
    """Versions of what has a part in the numbers; packages that are not installed are left out."""
    found = {"marrowscope": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
