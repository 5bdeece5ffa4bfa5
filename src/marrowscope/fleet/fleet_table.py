"""The table of a fleet: one row for every slide that was named, whatever became of it.

``fleet.parquet`` holds it, with what was counted by which model in its metadata.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing

TABLE, PAGE = "fleet.parquet", "fleet.html"
KIND = "marrowscope fleet"
# What became of a slide.
WAITING = "waiting"  # not looked at yet, or its count was interrupted
DONE = "done"
REFUSED = "refused"  # the slide cannot be counted, for a reason that lies in it
FAILED = "failed"  # its counts ended without an answer; the next run tries it again
STATES = (DONE, REFUSED, FAILED, WAITING)


@dataclass(frozen=True)
class SlideRow:
    """One slide of a fleet.

    Attributes:
        slide: path or address, absolute, as ``shown_path`` writes it.
        name: folder of its report, inside the fleet's.
        state: one of ``STATES``.
        reason: why it is not done.
        cells: countable cells.
        blasts, blasts_low, blasts_high: share of the countable cells with its 95 % Wilson interval,
            0 to 1; None where the model does not know blasts.
        remarks: number of remarks in its report.
        seconds: from the first byte read to the report.
        worker: host and process, or address of the worker, that counted it.
        engine: that computed the classes.
        model: name of the model.
        tries: counts that were begun for this row.
        files, bytes, modified_ns: of the slide when it was counted.
        sha256: of its content.
        identity: of model and settings.
    """

    slide: str
    name: str
    state: str = WAITING
    reason: str | None = None
    cells: int | None = None
    blasts: float | None = None
    blasts_low: float | None = None
    blasts_high: float | None = None
    remarks: int | None = None
    seconds: float | None = None
    worker: str | None = None
    engine: str | None = None
    model: str | None = None
    tries: int = 0
    files: int | None = None
    bytes: int | None = None
    modified_ns: int | None = None
    sha256: str | None = None
    identity: str | None = None

    def waiting(self, tries: int = 0) -> "SlideRow":
        """The same slide, with nothing known of it."""
        return SlideRow(self.slide, self.name, tries=tries)

    def ended(self, state: str, reason: str) -> "SlideRow":
        """The same slide, not done for a reason."""
        return replace(self, state=state, reason=reason)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def shown_path(path: str) -> str:
    """A path as text that any table can hold; bytes that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


_NUMBERS = ("cells", "remarks", "tries", "files", "bytes", "modified_ns")
_SHARES = ("blasts", "blasts_low", "blasts_high", "seconds")
_ALWAYS = ("slide", "name", "state", "tries")
SCHEMA: dict[str, Any] = {
    one.name: pl.Int64 if one.name in _NUMBERS else pl.Float64 if one.name in _SHARES else pl.String
    for one in fields(SlideRow)
}
_PYTHON: dict[Any, Any] = {pl.Int64: int, pl.Float64: int | float, pl.String: str}


def row_from_dict(content: object) -> SlideRow | None:
    """The row that ``SlideRow.to_dict`` gave; None where it is something else."""
    if not isinstance(content, dict) or set(content) != set(SCHEMA):
        return None
    for name, kind in SCHEMA.items():
        value = content[name]
        if value is None and name not in _ALWAYS:
            continue
        if isinstance(value, bool) or not isinstance(value, _PYTHON[kind]):
            return None
    return SlideRow(**content) if content["state"] in STATES else None


def fleet_frame(rows: Iterable[SlideRow]) -> pl.DataFrame:
    """Rows as a table, in their order."""
    return pl.DataFrame([one.to_dict() for one in rows], schema=SCHEMA)


def write_fleet(rows: Iterable[SlideRow], folder: Path, facts: dict[str, Any]) -> None:
    """Write ``fleet.parquet``, whole or not at all.

    Args:
        rows: in their order.
        folder: of the fleet.
        facts: what was counted and how, as data for JSON.

    Raises:
        InputError: it cannot be written.
    """
    about = {"kind": KIND, "version": __version__, "use": RESEARCH_USE_ONLY}
    metadata = {**about, "fleet": json.dumps(facts, default=str)}
    with replacing(folder / TABLE) as temporary:
        fleet_frame(rows).write_parquet(temporary, compression="zstd", metadata=metadata)


def read_fleet(folder: Path) -> list[SlideRow]:
    """Rows of an earlier run; none where there was none.

    Raises:
        InputError: the file is no table of a fleet, or damaged.
    """
    path = folder / TABLE
    if not path.exists():
        return []
    wrong = f"{path}: is not the table of a fleet, or damaged; move it away, or name a new folder"
    try:
        if pl.read_parquet_metadata(path).get("kind") != KIND:
            raise InputError(wrong)
        table = pl.read_parquet(path, glob=False)
    except InputError:
        raise
    except Exception as error:  # polars has many, and a panic is none of its own
        raise InputError(f"{wrong} ({' '.join(str(error).split())[:120]})") from None
    # A later version may know more columns, an earlier one fewer.
    lacking = [pl.lit(None, SCHEMA[name]).alias(name) for name in SCHEMA if name not in table]
    found = [
        row_from_dict(row) for row in table.with_columns(lacking).select(list(SCHEMA)).to_dicts()
    ]
    kept = [row for row in found if row is not None]
    if len(kept) < len(found):
        raise InputError(wrong)
    return kept
