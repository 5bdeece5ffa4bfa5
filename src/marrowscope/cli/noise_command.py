"""Command noise."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from marrowscope.cli.app import console, emit_json
from marrowscope.cli.options import JSON, FolderOutput
from marrowscope.cli.table_errors import naming


def noise(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Predictions of labelled cells by networks that were not trained on them.",
        ),
    ],
    output: FolderOutput,
    share: Annotated[
        float,
        typer.Option(help="Share of the cells, and of each class, to list: the most doubtful."),
    ] = 0.05,
    json: bool = JSON,
) -> None:
    """List labels that are probably wrong, with pictures, for a cytologist to correct.

    Fill in the column corrected of suspects.csv, then give the file to `index --relabel`.

    Example: `marrowscope noise out_of_fold.parquet -o suspects`
    """
    from marrowscope.cells import read_cells
    from marrowscope.evaluation.label_issues import find_label_issues
    from marrowscope.report.label_issue_pages import (
        ISSUE_LIST,
        require_label_issue_folder,
        write_label_issues,
    )

    require_label_issue_folder(output)
    with naming(predictions):
        found = find_label_issues(read_cells(predictions), share)
    with console.status("drawing"):
        write_label_issues(found, output, f"Labels in doubt: {predictions.name}")
    if json:
        emit_json(
            {
                "output": str(output),
                "judged": found.judged,
                "not_judged": found.not_judged,
                "trained_on": found.trained_on,
                "listed": found.table.height,
                "estimated": sum(entry.estimated for entry in found.classes),
            }
        )
    table = Table("label", "cells", "mean p", "estimated", "listed", box=None, pad_edge=False)
    for entry in found.classes:
        table.add_row(entry.code, str(entry.cells), f"{entry.usual:.2f}", str(entry.estimated),
                      str(entry.listed))  # fmt: skip
    console.print(table)
    for count, reason in (
        (found.trained_on, "they are in the split train, on which the network was trained"),
        (found.not_judged, "the networks do not know their classes"),
    ):
        if count:
            console.print(f"! {count} cells left out: {reason}", markup=False, style="yellow")
    console.print(
        f"{found.table.height} of {found.judged} labels in doubt → {output / ISSUE_LIST}",
        markup=False,
        soft_wrap=True,
    )
