"""Differential count → rows of the report's table: classes by lineage, sub-totals, sum."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from marrowscope.differential.differential_result import Differential, Entry
from marrowscope.scoring import Estimate

NOT_AVAILABLE = "–"


@dataclass(frozen=True)
class TableRow:
    """One line of the table, numbers as they are shown.

    Attributes:
        kind: ``class``, ``lineage`` (a sub-total) or ``total``.
        code: of the class; empty for the others.
        name: in English.
        lineage: for colours; empty for the total.
        count: cells.
        percent, interval: of the countable cells; ``NOT_AVAILABLE`` where there are none.
        corrected, corrected_interval: of the corrected estimate; ``NOT_AVAILABLE`` where there is
            none.
    """

    kind: str
    code: str
    name: str
    lineage: str
    count: int
    percent: str
    interval: str
    corrected: str
    corrected_interval: str


def table_rows(result: Differential) -> tuple[TableRow, ...]:
    """Known classes lineage by lineage, each followed by its sub-total, and the total.

    A class that the classifier does not know is not a zero: it is left out and named elsewhere.
    """
    rows: list[TableRow] = []
    for group in result.lineages:
        members = [entry for entry in shown_entries(result) if entry.lineage == group.lineage]
        if not members:
            continue
        rows += [_row("class", entry) for entry in members]
        rows.append(_row("lineage", group))
    entries = shown_entries(result)
    total = sum(entry.count for entry in entries)
    sums = [_sum(entry.percent for entry in entries)]
    sums.append(
        _sum(e.corrected_percent for e in entries if e.corrected_percent is not None)
        if has_correction(result)
        else NOT_AVAILABLE
    )
    rows.append(
        TableRow(
            "total",
            "",
            "all countable cells",
            "",
            total,
            sums[0],
            NOT_AVAILABLE,
            sums[1],
            NOT_AVAILABLE,
        )
    )
    return tuple(rows)


def shown_entries(result: Differential) -> tuple[Entry, ...]:
    """Classes that have a line: those that the classifier knows, and those that occur.

    After the correction a class may occur that the classifier cannot name.
    """
    return tuple(
        entry
        for entry in result.classes
        if entry.known or entry.count or (entry.corrected_percent or 0) > 0
    )


def has_correction(result: Differential) -> bool:
    """Whether there is a corrected estimate of any class."""
    return any(entry.corrected is not None for entry in result.classes)


def percent_text(value: float | None) -> str:
    """Per cent with one decimal."""
    return NOT_AVAILABLE if value is None or not math.isfinite(value) else f"{value:.1f}"


def interval_text(interval: Estimate | None) -> str:
    """The ends of an interval in per cent, as in ``3.4–7.3``."""
    if interval is None or not math.isfinite(interval.value):
        return NOT_AVAILABLE
    return f"{100 * interval.low:.1f}–{100 * interval.high:.1f}"


def _row(kind: str, entry: Entry) -> TableRow:
    return TableRow(
        kind,
        entry.code if kind == "class" else "",
        entry.name,
        entry.lineage,
        entry.count,
        percent_text(entry.percent),
        interval_text(entry.counted),
        percent_text(entry.corrected_percent),
        interval_text(entry.corrected),
    )


def _sum(values: Iterable[float]) -> str:
    numbers = [value for value in values if math.isfinite(value)]
    return percent_text(math.fsum(numbers)) if numbers else NOT_AVAILABLE
