"""Command phantom."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import JSON, app, console, emit_json, progress


@app.command()
def phantom(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the images.")],
    per_class: Annotated[int, typer.Option(min=1, help="Images of each class.")] = 50,
    patients: Annotated[int, typer.Option(min=1, help="Synthetic patients.")] = 20,
    seed: Annotated[int, typer.Option(help="Same seed, same images.")] = 0,
    masks: Annotated[bool, typer.Option(help="Write masks of cell and nucleus as well.")] = True,
    json: bool = JSON,
) -> None:
    """Draw a synthetic data set of all 21 classes, for trying things out without data.

    Example: `marrowscope phantom -o phantom --per-class 50`
    """
    from marrowscope.phantom.dataset import TABLE, write_dataset

    with progress("drawing cells") as advance:
        table = write_dataset(output, per_class, seed, patients, masks, advance)
    if json:
        emit_json(
            {
                "folder": str(output),
                "cells": str(output / TABLE),
                "images": table.height,
                "synthetic": True,
            }
        )
    console.print(
        f"{table.height} synthetic images of {table['label'].n_unique()} classes → {output}\n"
        f"next: marrowscope split {output / TABLE} --test 0.2 -o split.parquet",
        markup=False,
        soft_wrap=True,
    )
