"""The record beside a report: by it a later run knows that a slide is done, without the table.

It appears with the report in one rename, so that a driver that is killed at any moment costs
nothing that was done.
"""

import json
from pathlib import Path

from marrowscope.fleet.fleet_table import SlideRow, row_from_dict
from marrowscope.io.json_data import JsonError, parse_json
from marrowscope.report.count.count_report import RECORD

KIND = "marrowscope fleet slide"
_LARGEST = 100_000  # bytes


def record_bytes(row: SlideRow) -> bytes:
    """The content of ``slide.json``."""
    data = {"kind": KIND, "format": 1, **row.to_dict()}
    return (json.dumps(data, indent=2) + "\n").encode("utf-8", "backslashreplace")


def read_record(folder: Path) -> SlideRow | None:
    """The row that was written with a report; None where there is none, or it is damaged."""
    path = folder / RECORD
    try:
        if path.stat().st_size > _LARGEST:
            return None
        data = parse_json(path.read_bytes())
    except (OSError, JsonError):
        return None
    if not isinstance(data, dict) or data.pop("kind", None) != KIND or data.pop("format", 0) != 1:
        return None
    return row_from_dict(data)
