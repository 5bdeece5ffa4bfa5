"""Command reproduce."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_line, print_remark
from marrowscope.cli.options import JSON, Device, FolderOutput, Overrides, Seed


def reproduce(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The data set as published, or part of it.")
    ],
    output: FolderOutput,
    models: Annotated[
        str, typer.Option(help="Models, the main one first, for example resnext50,sequential.")
    ] = "sequential,features",
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    robustness: Annotated[
        bool,
        typer.Option("--robustness/--no-robustness", help="Also train once on 70 % of the images."),
    ] = True,
    recipe: Annotated[str, typer.Option(help="default, paper, or a YAML file.")] = "default",
    changes: Overrides = None,
    external: Annotated[
        Path | None,
        typer.Option(help="Images of another laboratory, in folders named by its classes."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="With --external: YAML or CSV, its classes → compatible classes."),
    ] = None,
    laboratory_from: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Where paths have the laboratory, as for index."),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    json: bool = JSON,
) -> None:
    """Reproduce the study: every table and figure beside the published numbers, in one report.

    An interrupted run continues with the same command. What cannot be reproduced is listed with the
    reason.

    Example: `marrowscope reproduce BM_cytomorphology_data -o study`

    To finish in an hour on two cores, add `--set target_per_class=400`.
    """
    import marrowscope as ms

    with Bars() as bars:
        made = ms.reproduce_study(
            data,
            output,
            models=models,
            folds=folds,
            robustness=robustness,
            recipe=recipe,
            changes=changes,
            external=external,
            mapping=mapping,
            laboratory_from=laboratory_from,
            seed=seed,
            device=device,
            progress=bars.stage,
            say=print_line,
        )
    if json:
        emit_json(made.to_dict())
    for line in made.warnings:
        print_remark(line)
    console.print(f"→ {made.report}", markup=False, soft_wrap=True)
