"""Commands explain and embed."""

from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_remark
from marrowscope.cli.model_argument import model_and_rest
from marrowscope.cli.options import JSON, FolderOutput, Model, Seed


def explain(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Images, folders, or cell tables with labels."),
    ],
    output: FolderOutput,
    model: Model = None,
    per_class: Annotated[
        int, typer.Option(min=1, help="Cells of each class, those classified best first.")
    ] = 1,
    classes: Annotated[
        str | None, typer.Option(help="Classes to show, such as BLA,PMO; default: all.")
    ] = None,
    sanity: Annotated[
        bool, typer.Option("--sanity", help="Test that explanations depend on weights and labels.")
    ] = False,
    phantom: Annotated[
        int,
        typer.Option(
            min=0,
            help="Draw this many synthetic cells of each class and measure how much of the "
            "explanation lies inside them.",
        ),
    ] = 0,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Show what a network looks at: SmoothGrad and Grad-CAM, in the layout of the study.

    Of labelled images, the cells classified best are shown; of others, the most confident.

    Example: `marrowscope explain cells.parquet --model run/bundle -o explained --sanity`
    """
    import marrowscope as ms

    chosen, images = model_and_rest("explain", model, images)
    with Bars() as bars:
        made = ms.explain_cells(
            images,
            chosen,
            output,
            per_class=per_class,
            classes=classes,
            sanity=sanity,
            phantom=phantom,
            seed=seed,
            progress=bars.stage,
        )
    if json:
        emit_json({"output": str(output), **made.to_dict()})
    for line in () if made.sanity is None else made.sanity.sentences:
        console.print(line, markup=False, soft_wrap=True)
    if made.inside_phantoms is not None:
        shown = ", ".join(f"{name} {value:.0%}" for name, value in made.inside_phantoms.items())
        console.print(f"inside synthetic cells: {shown}", markup=False, soft_wrap=True)
    console.print(
        f"{len(made.cells)} cells → {output / 'explained.png'}", markup=False, soft_wrap=True
    )


def embed(
    cells: Annotated[
        list[str], typer.Argument(metavar="CELLS", help="Cell table made by 'index'.")
    ],
    output: FolderOutput,
    model: Model = None,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Map cells by the features of a network: figure, interactive page and measures.

    Example: `marrowscope embed cells.parquet --model run/bundle -o map`
    """
    import marrowscope as ms

    chosen, (table, *more) = model_and_rest("embed", model, cells)
    if more:
        raise typer.BadParameter(f"expected one cell table, got {' '.join((table, *more))}")
    with Bars() as bars:
        found = ms.embed(table, chosen, output, seed=seed, progress=bars.stage)
    if json:
        emit_json(
            {
                "output": str(output),
                "cells": found.table.height,
                "unread": len(found.unread),
                **found.to_dict(),
            }
        )
    for path, reason in found.unread[:5]:
        print_remark(f"{path}: {reason}")
    if found.measures:
        measures = found.measures
        console.print(
            f"neighbours of the same class: {measures['purity']['all']:.0%} in the features, "
            f"{measures['purity_map']['all']:.0%} in the map, {measures['chance']:.0%} by chance; "
            f"trustworthiness {measures['trustworthiness']:.3f}",
            markup=False,
            soft_wrap=True,
        )
    console.print(f"{found.embedding.method} → {output / 'map.html'}", markup=False, soft_wrap=True)
