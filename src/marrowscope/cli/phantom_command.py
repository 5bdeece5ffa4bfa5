"""Commands phantom cells, fields and slide."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, SEED

Folder = Annotated[Path, typer.Option("--output", "-o", help="Folder for the images.")]
Seed = Annotated[int, typer.Option(help=SEED)]
Composition = Annotated[
    str,
    typer.Option(
        help="Mix of classes: normal, acute-leukaemia, promyelocytic, lymphocytic, myeloma, blood."
    ),
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
    _fields(output, number, composition, cells_per_mm2, touching, microns_per_pixel, seed, json)


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
    sides = _sides(size, "--size")
    _slide(output, sides, composition, cells_per_mm2, touching, microns_per_pixel, seed, json)


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
    smear = composition, cells_per_mm2, touching, microns_per_pixel
    if fields is not None:
        _fields(output, fields, *smear, seed, json)
    elif slide is not None:
        _slide(output, _sides(slide, "--slide"), *smear, seed, json)
    else:
        _cells(output, per_class, patients, seed, masks, json)


def _sides(size: str, option: str) -> tuple[int, int]:
    sides = size.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.strip().isdecimal() for side in sides):
        raise typer.BadParameter(f"{option} {size}: expected WIDTHxHEIGHT such as 20000x20000")
    return int(sides[0]), int(sides[1])


def _cells(output: Path, per_class: int, patients: int, seed: int, masks: bool, json: bool) -> None:
    import marrowscope as ms

    with Bars() as bars:
        drawn = ms.draw_cells(
            output, per_class, patients=patients, masks=masks, seed=seed, progress=bars.stage
        )
    if json:
        emit_json(
            {
                "folder": str(drawn.folder),
                "cells": str(drawn.table_path),
                "images": drawn.table.height,
                "synthetic": True,
            }
        )
    _say(
        f"{drawn.table.height} synthetic images of {drawn.table['label'].n_unique()} classes → "
        f"{output}"
    )
    _say(f"next: marrowscope split {drawn.table_path} --test 0.2 -o split.parquet")


def _fields(
    output: Path,
    number: int,
    composition: str,
    cells_per_mm2: float,
    touching: float,
    microns_per_pixel: float | None,
    seed: int,
    json: bool,
) -> None:
    import marrowscope as ms

    with Bars() as bars:
        drawn = ms.draw_fields(
            output,
            number,
            composition=composition,
            cells_per_mm2=cells_per_mm2,
            touching=touching,
            microns_per_pixel=microns_per_pixel,
            seed=seed,
            progress=bars.stage,
        )
    counts = drawn.counts
    if json:
        emit_json(
            {
                "folder": str(drawn.folder),
                "table": str(drawn.table_path),
                "microns_per_pixel": drawn.microns_per_pixel,
                "synthetic": True,
                **counts,
            }
        )
    _say(
        f"{number} synthetic field{'s' if number != 1 else ''} with {counts['cells']} cells "
        f"({counts['touching']} touching) and {counts['other']} smudges and artefacts → {output}"
    )


def _slide(
    output: Path,
    sides: tuple[int, int],
    composition: str,
    cells_per_mm2: float,
    touching: float,
    microns_per_pixel: float | None,
    seed: int,
    json: bool,
) -> None:
    import marrowscope as ms

    with Bars() as bars:
        drawn = ms.draw_slide(
            output,
            *sides,
            composition=composition,
            cells_per_mm2=cells_per_mm2,
            touching=touching,
            microns_per_pixel=microns_per_pixel,
            seed=seed,
            progress=bars.stage,
        )
    cells, judgeable = drawn.cells.height, drawn.judgeable_cells.height
    if json:
        emit_json(
            {
                "slide": str(drawn.path),
                "table": str(drawn.table_path),
                "truth": str(drawn.truth_path),
                "width": drawn.width,
                "height": drawn.height,
                "microns_per_pixel": drawn.microns_per_pixel,
                "cells": cells,
                "judgeable_cells": judgeable,
                "synthetic": True,
            }
        )
    _say(
        f"synthetic slide of {drawn.width} × {drawn.height} px with {cells} cells, "
        f"{judgeable} of them in the judgeable zone → {drawn.path}"
    )


def _say(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
