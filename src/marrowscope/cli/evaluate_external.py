"""What 'evaluate --external' prints of agreement with another class scheme."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from marrowscope.cli.app import console, print_remark, printable

if TYPE_CHECKING:
    from marrowscope import ExternalEvaluation


def print_external(made: "ExternalEvaluation") -> None:
    """Agreement by external class, over all, and how far the images are from the training's."""
    result, moved = made.result, made.shift
    shown = Table(
        "external class", "cells", "no call", "agreement", "lineage", box=None, pad_edge=False
    )
    for entry in result.classes:
        name = printable(entry.name)
        shares = (entry.no_calls, entry.agreement, entry.lineage)
        shown.add_row(
            Text(name), str(entry.no_calls.cells), *(_percent(share.value) for share in shares)
        )
    console.print(shown)
    for title, share in (
        ("no call", result.no_calls),
        ("agreement of called cells", result.agreement),
        ("in the right lineage", result.lineage),
    ):
        console.print(
            f"{title}: {share.right} of {share.cells}, {_percent(share.value)} "
            f"({100 * share.low:.0f}–{100 * share.high:.0f})",
            markup=False,
        )
    for one in result.laboratories:
        console.print(
            f"laboratory {printable(one.name) or 'not named'}, {one.no_calls.cells} cells: no call "
            f"{_percent(one.no_calls.value)}, agreement {_percent(one.agreement.value)}, lineage "
            f"{_percent(one.lineage.value)}",
            markup=False,
            soft_wrap=True,
        )
    for reason, count in result.reasons.items():
        console.print(f"  {reason}: {count}", markup=False)
    if moved is not None:
        far = sorted(moved.measures, key=lambda entry: -abs(entry.difference))[:3]
        told = ", ".join(f"{e.name.replace('_', ' ')} {e.difference:+.1f} sd" for e in far)
        console.print(f"shift against the training data: {told}", markup=False)
        if moved.features is not None:
            console.print(
                f"  network features: {moved.features.ratio:.2f} times the distance between "
                f"training cells; {100 * moved.features.beyond:.0f} % of the cells beyond 95 % of "
                "them",
                markup=False,
                soft_wrap=True,
            )
    for warning in result.warnings:
        print_remark(warning)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == share else "–"  # nan: of no cell
