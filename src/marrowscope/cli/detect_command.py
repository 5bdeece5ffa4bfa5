"""Command detect."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_remark
from marrowscope.cli.options import JSON, PixelSize, TableOutput, TakenAs

SHOWN = 20  # unreadable pieces that are named one by one


def detect(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="FIELD_OR_SLIDE", help="Field images, folders of them, slides."),
    ],
    output: TableOutput,
    crops: Annotated[
        Path | None, typer.Option(help="New or empty folder for crops of 250×250 px.")
    ] = None,
    microns_per_pixel: PixelSize = None,
    taken_as: TakenAs = None,
    enough: Annotated[
        int | None, typer.Option(min=1, help="Leave a slide after this many cells; default: all.")
    ] = None,
    geojson: Annotated[
        Path | None,
        typer.Option(help="Write the cells for QuPath too: a .geojson, or a folder for fields."),
    ] = None,
    laboratory: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Laboratory that made the pictures, for the table."),
    ] = None,
    json: bool = JSON,
) -> None:
    """Find nucleated cells in fields or slides; `--crops` also cuts them out for `predict`.

    On a slide, only fields where cells can be judged are searched.

    Example: `marrowscope detect fields/ --microns-per-pixel 0.08625 -o cells.parquet --crops cells`
    """
    import marrowscope as ms

    with Bars() as bars:
        found = ms.detect_in(
            sources,
            microns_per_pixel=microns_per_pixel,
            taken_as=taken_as,
            enough=enough,
            crops=crops,
            output=output,
            geojson=geojson,
            laboratory=laboratory,
            progress=bars.stage,
        )
    table, fields, corrupt = found.table, found.fields, len(found.corrupt)
    for line in found.remarks:
        print_remark(line)
    for source, tile in found.corrupt[:SHOWN]:
        print_remark(f"{source}: {tile}")
    kinds = dict(sorted(table["kind"].value_counts().rows()))
    unfit = table.height - int(table["judgeable"].sum())
    if json:
        emit_json(
            {
                "output": str(output),
                "cells": table.height,
                "kinds": kinds,
                "not_judgeable": unfit,
                "fields": fields,
                "corrupt_tiles": corrupt,
                "remarks": list(found.remarks),
                "geojson": [str(path) for path in found.geojson],
            }
        )
    told = "".join(f", {number} × {kind}" for kind, number in kinds.items() if kind != "cell")
    told += f", {unfit} where cells cannot be judged" if unfit else ""
    console.print(
        f"{table.height} cells in {fields} fields{told}, {corrupt} unreadable pieces → {output}",
        markup=False,
        soft_wrap=True,
    )
