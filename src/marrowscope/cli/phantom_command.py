"""Commands phantom cells, fields and slide."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON, SEED

Folder = Annotated[Path, typer.Option("--output", "-o", help="Folder for the images.")]
Seed = Annotated[int, typer.Option(help=SEED)]
Composition = Annotated[
    str, typer.Option(help="Mix of classes: normal, promyelocytic, lymphocytic, myeloma, blood.")
]
Density = Annotated[float, typer.Option("--density", help="Nucleated cells per mm².")]
Touching = Annotated[float, typer.Option(help="Share of cells that touch another, from 0 to 0.9.")]
PixelSize = Annotated[float | None, typer.Option(help="Pixel size in µm; default: 0.08625.")]


def cells(
    output: Folder,
    per_class: Annotated[int, typer.Option(min=1, help="Images of each class.")] = 50,
    patients: Annotated[int, typer.Option(min=1, help="Synthetic patients.")] = 20,
    seed: Seed = 0,
    masks: Annotated[bool, typer.Option(help="Write masks of cell and nucleus as well.")] = True,
    json: bool = JSON,
) -> None:
    """Draw synthetic cells of all 21 classes.

    Example: `marrowscope phantom cells -o phantom --per-class 50`
    """
    _cells(output, per_class, patients, seed, masks, json)


def fields(
    output: Folder,
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many fields.")] = 10,
    composition: Composition = "normal",
    cells_per_mm2: Density = 2500.0,
    touching: Touching = 0.3,
    microns_per_pixel: PixelSize = None,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Draw synthetic microscope fields.

    A table with place, class and outline of every cell comes with them.

    Example: `marrowscope phantom fields -o fields --number 10`
    """
    pixel = _pixel_size(microns_per_pixel)
    _fields(output, number, seed, composition, cells_per_mm2, touching, pixel, json)


def slide(
    output: Folder,
    size: Annotated[
        str, typer.Option(metavar="WIDTHxHEIGHT", help="Width and height in pixels.")
    ] = "20000x20000",
    composition: Composition = "normal",
    cells_per_mm2: Density = 2500.0,
    touching: Touching = 0.3,
    microns_per_pixel: PixelSize = None,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Draw one synthetic slide.

    A table of its cells and the truth about its regions come with it.

    Example: `marrowscope phantom slide -o slide --size 20000x20000`
    """
    width, height = _sides(size, "--size")
    pixel = _pixel_size(microns_per_pixel)
    _slide(output, width, height, seed, composition, cells_per_mm2, touching, pixel, json)


def phantom(
    output: Folder,
    per_class: Annotated[int, typer.Option(min=1)] = 50,
    patients: Annotated[int, typer.Option(min=1)] = 20,
    seed: int = 0,
    masks: bool = True,
    fields: Annotated[int | None, typer.Option(min=1)] = None,
    slide: Annotated[str | None, typer.Option(metavar="WIDTHxHEIGHT")] = None,
    composition: str = "normal",
    cells_per_mm2: Density = 2500.0,
    touching: float = 0.3,
    microns_per_pixel: float | None = None,
    json: bool = JSON,
) -> None:
    """Former form of the three commands, kept for one release."""
    if fields is not None and slide is not None:
        raise typer.BadParameter("--fields and --slide exclude each other")
    pixel = _pixel_size(microns_per_pixel)
    if fields is not None:
        _fields(output, fields, seed, composition, cells_per_mm2, touching, pixel, json)
    elif slide is not None:
        width, height = _sides(slide, "--slide")
        _slide(output, width, height, seed, composition, cells_per_mm2, touching, pixel, json)
    else:
        _cells(output, per_class, patients, seed, masks, json)


def _pixel_size(given: float | None) -> float:
    from marrowscope.preprocessing import MICRONS_PER_PIXEL

    return MICRONS_PER_PIXEL if given is None else given


def _sides(size: str, option: str) -> tuple[int, int]:
    sides = size.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.strip().isdecimal() for side in sides):
        raise typer.BadParameter(f"{option} {size}: expected WIDTHxHEIGHT such as 20000x20000")
    return int(sides[0]), int(sides[1])


def _cells(output: Path, per_class: int, patients: int, seed: int, masks: bool, json: bool) -> None:
    from marrowscope.phantom.marked_images import TABLE
    from marrowscope.phantom.synthetic_dataset import write_dataset

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
    cells_per_mm2: float,
    touching: float,
    microns_per_pixel: float,
    json: bool,
) -> None:
    from marrowscope.phantom.marked_images import TABLE
    from marrowscope.phantom.synthetic_field import FieldSettings
    from marrowscope.phantom.synthetic_fields import summary, write_fields

    settings = FieldSettings(
        microns_per_pixel=microns_per_pixel,
        composition=composition,
        cells_per_mm2=cells_per_mm2,
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
    width: int,
    height: int,
    seed: int,
    composition: str,
    cells_per_mm2: float,
    touching: float,
    microns_per_pixel: float,
    json: bool,
) -> None:
    from marrowscope.phantom.synthetic_slide import SlideSettings, write_slide

    settings = SlideSettings(
        width=width,
        height=height,
        microns_per_pixel=microns_per_pixel,
        composition=composition,
        cells_per_mm2=cells_per_mm2,
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
