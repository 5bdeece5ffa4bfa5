"""The count of a smear in a few lines of HTML, as a notebook shows it."""

from marrowscope.counting.smear_count import SmearCount
from marrowscope.differential.count_roles import name as class_name
from marrowscope.report.count.class_table import has_correction, table_rows
from marrowscope.report.count.headline_tiles import headline_tiles
from marrowscope.report.notebook_html import NotebookTable, notebook_html

_INTERVAL = "95 % interval"


def count_summary(count: SmearCount) -> str:
    """Head figures, what must be said, and the classes by lineage with their intervals."""
    result = count.differential
    corrected = has_correction(result)
    head = ("class", "cells", "%", _INTERVAL, *(("corrected %", _INTERVAL) if corrected else ()))
    rows = tuple(
        (
            row.kind,
            row.name,
            (
                f"{row.count:,}",
                row.percent,
                row.interval,
                *((row.corrected, row.corrected_interval) if corrected else ()),
            ),
        )
        for row in table_rows(result)
    )
    unknown = ", ".join(class_name(code) for code in result.unknown)
    never = [f"Not known to {count.card.name}, so never found: {unknown}"] if unknown else []
    return notebook_html(
        f"Differential count: {count.name}",
        [NotebookTable(head, rows)],
        [*count.remarks, *never],
        headline_tiles(count),
        count.card.data.get("synthetic") is True,
    )
