"""Command noise."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from marrowscope.cli.app import console, emit_json, print_remark, printable
from marrowscope.cli.options import JSON, FolderOutput


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
    import marrowscope as ms

    with console.status("drawing"):
        found = ms.find_label_issues(predictions, output, share=share)
    if json:
        emit_json({"output": str(output), **found.to_dict()})
    table = Table("label", "cells", "mean p", "estimated", "listed", box=None, pad_edge=False)
    for label, cells, usual, estimated, listed in found.classes.rows():
        table.add_row(label, str(cells), f"{usual:.2f}", str(estimated), str(listed))
    console.print(table)
    for one in found.issues.laboratories:
        console.print(
            f"laboratory {printable(one.name) or 'not named'}: {one.listed} of {one.cells} labels "
            f"in doubt, {one.estimated} errors estimated",
            markup=False,
            soft_wrap=True,
        )
    for line in found.warnings:
        print_remark(line)
    console.print(
        f"{found.table.height} of {found.issues.judged} labels in doubt → "
        f"{output / 'suspects.csv'}",
        markup=False,
        soft_wrap=True,
    )
