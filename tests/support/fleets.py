"""Small fleets: slides, a counter that needs no time, rows as a count would give them."""

from pathlib import Path

from marrowscope.counting.count_smear import CountSettings
from marrowscope.fleet.fleet_table import DONE, SlideRow
from marrowscope.fleet.slide_record import record_bytes
from marrowscope.fleet.smear_counter import ReportSettings, SmearCounter
from marrowscope.report.count.count_report import RECORD
from support.smears import CARD, ByColour, piece, write_slide

MODEL = "a" * 64  # an identity


def a_counter(cells: int = 5) -> SmearCounter:
    return SmearCounter(ByColour(), CARD, None, CountSettings(cells), ReportSettings())


def write_slides(folder: Path, names: str = "ab", seed: int = 1) -> list[Path]:
    """Slides of one smear each, which are counted in a second."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_slide(folder / f"{name}.tif", piece(seed + number, 500))
        for number, name in enumerate(names)
    ]


def a_done_row(slide: Path, name: str, identity: str = MODEL, **changes: object) -> SlideRow:
    status = slide.stat()
    facts: dict[str, object] = {
        "state": DONE, "cells": 500, "blasts": 0.03, "blasts_low": 0.02, "blasts_high": 0.05,
        "remarks": 1, "seconds": 12.5, "worker": "host:1", "engine": "by colour", "model": "m",
        "tries": 1, "files": 1, "bytes": status.st_size, "modified_ns": status.st_mtime_ns,
        "sha256": "b" * 64, "identity": identity,
    }  # fmt: skip
    return SlideRow(str(slide), name, **{**facts, **changes})  # type: ignore[arg-type]


def leave_record(folder: Path, row: SlideRow) -> None:
    """As if the slide had been counted."""
    (folder / row.name).mkdir(parents=True, exist_ok=True)
    (folder / row.name / RECORD).write_bytes(record_bytes(row))
