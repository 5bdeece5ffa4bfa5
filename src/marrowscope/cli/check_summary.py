"""What 'index' and 'check' print of the contents of a table."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from marrowscope.cli.app import console

if TYPE_CHECKING:
    from marrowscope.dataset.contents import CheckResult

SHOWN = 20


def summary_of(result: "CheckResult") -> dict[str, Any]:
    """The contents as data for ``--json``."""
    summary = asdict(result)
    summary["classes"] = {
        entry.code: {"images": entry.images, "published": entry.published, "remark": entry.remark}
        for entry in result.classes
    }
    summary["bad"] = [{"path": path, "reason": reason} for path, reason in result.bad]
    summary["converted"] = dict(result.converted)
    summary["sizes"] = dict(result.sizes)
    for name in ("laboratories", "left_out"):  # of tables that have such
        if not summary[name]:
            del summary[name]
    return summary


def print_counts(result: "CheckResult") -> None:
    """Images per class beside the published counts, then class × laboratory."""
    table = Table("class", "name", "images", "published", "remark", box=None, pad_edge=False)
    for entry in result.classes:
        published = "" if entry.published is None else str(entry.published)
        style = "dim" if entry.images == 0 else None
        table.add_row(
            entry.code, entry.name, str(entry.images), published, entry.remark, style=style
        )
    console.print(table)
    if result.laboratories:
        _print_laboratories(result.laboratories)
    console.print(f"{result.rows} rows, {result.usable} usable, {result.unlabelled} without label")


def _print_laboratories(counts: dict[str, dict[str, int]]) -> None:
    """Class × laboratory."""
    names = list(next(iter(counts.values())))
    headings = [escape(name or "not named") for name in names]
    table = Table("class", *headings, box=None, pad_edge=False)
    for code, row in counts.items():
        table.add_row(escape(code), *(str(row[name] or "–") for name in names))
    console.print(table)


def print_bad(result: "CheckResult") -> None:
    """Files that cannot be used, the first of them with path and reason."""
    for path, reason in result.bad[:SHOWN]:
        console.print(f"unusable: {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    if len(result.bad) > SHOWN:
        rest = len(result.bad) - SHOWN
        console.print(f"… and {rest} more; each is a row with an error in the table")
