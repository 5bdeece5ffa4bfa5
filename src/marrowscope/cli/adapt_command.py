"""Command model adapt."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_line, print_remark, printable
from marrowscope.cli.options import JSON, Bootstrap, BundleOutput, Device, Seed

if TYPE_CHECKING:
    from marrowscope import AdaptedModel


def adapt(
    model: Annotated[str, typer.Argument(metavar="BUNDLE", help="Shipped model or bundle folder.")],
    cells: Annotated[
        Path,
        typer.Argument(
            metavar="CELLS",
            help="Cell table made by 'index', or a folder of images; its folders are their labels.",
        ),
    ],
    output: BundleOutput,
    name: Annotated[
        str | None,
        typer.Option(help="Of the new model; default: old name and laboratory."),
    ] = None,
    layers: Annotated[
        str,
        typer.Option(
            help="That labels teach: none (they only judge), last, all; auto: all where 50 cells "
            "of every class that it knows are labelled, else last."
        ),
    ] = "auto",
    seed: Seed = 0,
    resamples: Bootstrap = 2000,
    device: Device = "auto",
    json: bool = JSON,
) -> None:
    """Adapt a model to the cells of a laboratory; a few labels help, none are needed.

    The statistics of normalization are measured again on all images; labelled cells teach the last
    layer, near the old one, or all layers where there are 50 of every class that it knows. Before
    and after are compared on labelled cells held out: those of the column split, else a fifth at a
    time, whole patients where they are named. Where adapting made the model worse nothing is
    written, and the exit status is 1. `marrowscope adapt` is the same.

    Example: `marrowscope model adapt sequential-mll7 my_cells/ -o mine`
    """
    import marrowscope as ms

    with Bars() as bars:
        made = ms.adapt_model(
            model,
            cells,
            output,
            name=name,
            layers=layers,
            seed=seed,
            resamples=resamples,
            device=device,
            progress=bars.stage,
        )
    if json:
        emit_json(made.to_dict())
    for line in made.remarks:
        print_remark(line)
    print_line(f"adapted: {', '.join(made.steps)}")
    _print_scores(made)
    if made.folder is None:
        raise ms.InputError(
            f"adapting made {model} worse on the cells held out; keep it: nothing was written"
        )
    print_line(f"{made.name} → {made.folder}")


def _print_scores(made: "AdaptedModel") -> None:
    from rich.table import Table
    from rich.text import Text

    rows = made.table.rows()
    if not rows:
        return
    shown = Table("held out", "cells", "before", "after", box=None, pad_edge=False)
    for score, cells, *six in rows:
        before, after = (
            f"{value:.3f} ({low:.3f}–{high:.3f})" for value, low, high in (six[:3], six[3:])
        )
        shown.add_row(Text(printable(score)), str(cells), before, after)
    console.print(shown)
