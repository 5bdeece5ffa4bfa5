"""Command detect."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON, PixelSize, TableOutput
from marrowscope.errors import InputError


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
    enough: Annotated[
        int | None, typer.Option(min=1, help="Leave a slide after this many cells; default: all.")
    ] = None,
    geojson: Annotated[
        Path | None,
        typer.Option(help="Write the cells for QuPath too: a .geojson, or a folder for fields."),
    ] = None,
    json: bool = JSON,
) -> None:
    """Find nucleated cells in fields or slides; `--crops` also cuts them out for `predict`.

    On a slide, only fields where cells can be judged are searched.

    Example: `marrowscope detect fields/ --microns-per-pixel 0.08625 -o cells.parquet --crops cells`
    """
    import polars as pl

    from marrowscope.cells import require_table_name, write_cells
    from marrowscope.detection.detect_cells import detect_cells, require_cells, require_distinct_ids
    from marrowscope.exchange.geojson_writer import by_picture, require_target, write_pictures
    from marrowscope.slides.open_slide import open_slide

    require_table_name(output)
    if crops is not None and crops.exists() and (not crops.is_dir() or any(crops.iterdir())):
        raise InputError(f"--crops {crops}: is not an empty folder; choose another one")
    frames, fields, corrupt = [], 0, 0
    pictures: dict[str, pl.DataFrame] = {}
    if geojson is not None:
        opened = (open_slide(source, microns_per_pixel) for source in sources)
        require_target(geojson, sum(max(1, len(slide.fields)) for slide in opened))
    require_distinct_ids(open_slide(source, microns_per_pixel) for source in sources)
    for source in sources:
        slide = open_slide(source, microns_per_pixel)
        with progress(f"detecting in {source.name}") as advance:
            found = detect_cells(slide, enough, crops, advance)
        require_cells(found, str(source))
        for tile in found.corrupt[:5]:
            console.print(f"! {source}: {tile}", markup=False, soft_wrap=True, style="yellow")
        frames.append(found.cells)
        # The pixel size of the picture: crops have the standard one, and do not say it.
        placed = found.cells.with_columns(microns_per_pixel=pl.lit(slide.microns_per_pixel))
        for name, cells in by_picture(placed, str(source)).items():
            pictures[f"{source.name}/{name}" if name in pictures else name] = cells
        fields, corrupt = fields + found.fields, corrupt + len(found.corrupt)
    table = pl.concat(frames)
    write_cells(table, output)
    written = write_pictures(pictures, geojson) if geojson is not None else ()
    kinds = dict(sorted(table["kind"].value_counts().rows()))
    if json:
        emit_json({"output": str(output), "cells": table.height, "kinds": kinds,
                   "fields": fields, "corrupt_tiles": corrupt,
                   "geojson": [str(path) for path in written]})  # fmt: skip
    told = "".join(f", {number} × {kind}" for kind, number in kinds.items() if kind != "cell")
    console.print(
        f"{table.height} cells in {fields} fields{told}, {corrupt} unreadable pieces → {output}",
        markup=False,
        soft_wrap=True,
    )
