"""The table of a fleet → one page: what became of every slide, with a link to its report."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.io.atomic import replacing
from marrowscope.report.html import page_environment
from marrowscope.report.page_text import writable


def write_fleet_page(table: pl.DataFrame, path: Path, facts: dict[str, Any]) -> None:
    """Write the page; nothing is loaded from elsewhere, no script.

    Args:
        table: one row per slide: ``slide``, ``name``, ``state``, ``reason``, ``cells``, ``blasts``,
            ``blasts_low``, ``blasts_high`` (0 to 1), ``remarks``, ``seconds``, ``worker``,
            ``engine``, ``model``, ``tries``.
        path: of the page; reports lie beside it in folders of their names.
        facts: name and value, shown at the top.

    Raises:
        InputError: it cannot be written.
    """
    rows = [_shown(row) for row in table.to_dicts()]
    environment = page_environment()
    page = environment.get_template("fleet.html").render(
        rows=rows, facts=_head(table, facts), research=RESEARCH_USE_ONLY
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")


def _head(table: pl.DataFrame, facts: dict[str, Any]) -> dict[str, str]:
    counts = dict(table["state"].value_counts(sort=True).rows())
    total = ", ".join(f"{number:,} {state}" for state, number in counts.items())
    seconds = float(table["seconds"].sum() or 0)
    shown = {"slides": f"{table.height:,}: {total}", "seconds, all slides": f"{seconds:,.0f}"}
    for name, value in facts.items():
        if value not in (None, "", [], ()):
            shown[name] = writable(
                ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            )
    return shown


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    texts = {name: writable(value) for name, value in row.items() if isinstance(value, str)}
    known = row["blasts"] is not None
    bar = (
        [round(100 * row[name], 2) for name in ("blasts", "blasts_low", "blasts_high")]
        if known
        else None
    )
    done = row["state"] == "done"
    return {
        **row,
        **texts,
        "link": f"{quote(row['name'])}/report.html" if done else None,
        "bar": bar,
        "share": "{:.1f} % ({:.1f}–{:.1f})".format(*bar) if bar else ("not known" if done else ""),
    }
