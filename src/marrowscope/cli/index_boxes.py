"""What 'index' prints of annotated boxes."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import marrowscope as ms
from marrowscope.cli.app import console, emit_json, print_remark

if TYPE_CHECKING:
    from marrowscope import IndexedBoxes

SHOWN = 20


def print_boxes(made: "IndexedBoxes", output: Path, cut_out: bool, json: bool) -> None:
    """Tell what was found, and what cannot be used."""
    table, cells, bad = made.table, made.cells, made.bad
    if json:
        emit_json(_summary(made, output))
    for note in made.warnings:
        print_remark(note)
    for path, reason in bad[:SHOWN]:
        console.print(f"unusable: {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    if len(bad) > SHOWN:
        console.print(f"… and {len(bad) - SHOWN} more; every one is a row with an error")
    usable = table.filter(table["error"].is_null())
    labels = usable["label"].value_counts().sort("label").rows()
    console.print(
        ", ".join(f"{label or 'without label'} {count}" for label, count in labels),
        markup=False,
        soft_wrap=True,
    )
    more = "" if cut_out else "; cut them out with --crops, or let predict and train do it"
    console.print(
        f"{table.height} boxes ({made.format}) in {cells.pictures} pictures, {len(bad)} unusable"
        f"{more} → {output}",
        markup=False,
        soft_wrap=True,
    )


def _summary(made: "IndexedBoxes", output: Path) -> dict[str, Any]:
    cells, checked = made.cells, asdict(ms.check(made.table))
    return {
        "output": str(output),
        "format": made.format,
        "pictures": cells.pictures,
        "rows": checked["rows"],
        "usable": checked["usable"],
        "unlabelled": checked["unlabelled"],
        "left_out": cells.left_out,
        "names": {
            name: {"boxes": count, "label": label} for name, (count, label) in cells.names.items()
        },
        "bad": [{"path": path, "reason": reason} for path, reason in made.bad],
        "notes": list(made.warnings),
    }
