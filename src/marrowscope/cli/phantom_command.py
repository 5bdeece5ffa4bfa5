"""Command phantom."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON


def phantom(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the images.")],
    per_class: Annotated[int, typer.Option(min=1, help="Images of each class.")] = 50,
    patients: Annotated[int, typer.Option(min=1, help="Synthetic patients.")] = 20,
    seed: Annotated[int, typer.Option(help="Same seed, same images.")] = 0,
    masks: Annotated[bool, typer.Option(help="Write masks of cell and nucleus as well.")] = True,
    fields: Annotated[
        int | None, typer.Option(min=1, help="Draw so many whole fields instead of cells.")
    ] = None,
    slide: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="Draw one slide of so many pixels instead."),
    ] = None,
    composition: Annotated[
        str, typer.Option(help="Mix of classes in fields and slide, such as normal or myeloma.")
    ] = "normal",
    density: Annotated[
        float, typer.Option(help="Nucleated cells per mm² in fields and slide.")
    ] = 2500.0,
    touching: Annotated[
        float, typer.Option(help="Share of them that touch another, from 0 to 0.9.")
    ] = 0.3,
    microns_per_pixel: Annotated[
        float | None,
        typer.Option(help="Pixel size of fields and slide in µm; default: 0.08625."),
    ] = None,
    json: bool = JSON,
) -> None:
    """Draw synthetic cells of all 21 classes, whole fields or a slide, for trying things out.

    Example, cells: `marrowscope phantom -o phantom --per-class 50`

    Ten fields: `marrowscope phantom -o fields --fields 10`

    A slide: `marrowscope phantom -o slide --slide 20000x20000`
    """
    from marrowscope.preprocessing import MICRONS_PER_PIXEL

    pixel = MICRONS_PER_PIXEL if microns_per_pixel is None else microns_per_pixel
    if fields is not None and slide is not None:
        raise typer.BadParameter("--fields and --slide exclude each other")
    if fields is not None:
        _fields(output, fields, seed, composition, density, touching, pixel, json)
    elif slide is not None:
        _slide(output, slide, seed, composition, density, touching, pixel, json)
    else:
        _cells(output, per_class, patients, seed, masks, json)


def _cells(output: Path, per_class: int, patients: int, seed: int, masks: bool, json: bool) -> None:
    from marrowscope.phantom.synthetic_dataset import TABLE, write_dataset

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


def _fields(
    output: Path,
    count: int,
    seed: int,
    composition: str,
    density: float,
    touching: float,
    microns_per_pixel: float,
    json: bool,
) -> None:
    from marrowscope.phantom.synthetic_field import FieldSettings
    from marrowscope.phantom.synthetic_fields import TABLE, summary, write_fields

    settings = FieldSettings(
        microns_per_pixel=microns_per_pixel,
        composition=composition,
        cells_per_mm2=density,
        touching=touching,
    )
    with progress("drawing fields", count) as advance:
        table = write_fields(output, count, settings, seed, advance=advance)
    numbers = summary(table)
    if json:
        emit_json(
            {
                "folder": str(output),
                "table": str(output / TABLE),
                "microns_per_pixel": microns_per_pixel,
                "synthetic": True,
                **numbers,
            }
        )
    console.print(
        f"{count} synthetic fields with {numbers['cells']} cells ({numbers['touching']} touching) "
        f"and {numbers['other']} smudges and artefacts → {output}",
        markup=False,
        soft_wrap=True,
    )


def _slide(
    output: Path,
    size: str,
    seed: int,
    composition: str,
    density: float,
    touching: float,
    microns_per_pixel: float,
    json: bool,
) -> None:
    from marrowscope.phantom.synthetic_slide import SlideSettings, write_slide

    sides = size.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.strip().isdecimal() for side in sides):
        raise typer.BadParameter(f"--slide {size}: expected WIDTHxHEIGHT such as 20000x20000")
    settings = SlideSettings(
        width=int(sides[0]),
        height=int(sides[1]),
        microns_per_pixel=microns_per_pixel,
        composition=composition,
        cells_per_mm2=density,
        touching=touching,
    )
    path = output / "slide.tif"
    with progress("drawing the slide") as advance:
        table = write_slide(path, settings, seed, advance)
    cells = table.filter("is_cell")
    judgeable = int(cells["judgeable"].sum())
    if json:
        emit_json(
            {
                "slide": str(path),
                "table": str(path.with_suffix(".cells.parquet")),
                "truth": str(path.with_suffix(".truth.json")),
                "width": settings.width,
                "height": settings.height,
                "microns_per_pixel": microns_per_pixel,
                "cells": cells.height,
                "judgeable_cells": judgeable,
                "synthetic": True,
            }
        )
    console.print(
        f"synthetic slide of {settings.width} × {settings.height} px with {cells.height} cells, "
        f"{judgeable} of them in the judgeable zone → {path}",
        markup=False,
        soft_wrap=True,
    )
