"""Command reproduce."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, Device, FolderOutput, Overrides, Seed
from marrowscope.errors import InputError


def reproduce(
    path: Annotated[
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
    overrides: Overrides = None,
    external: Annotated[
        Path | None,
        typer.Option(help="Images of another laboratory, in folders named by its classes."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="With --external: YAML or CSV, its classes → compatible classes."),
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
    from marrowscope.reproduce.data_steps import Study
    from marrowscope.reproduce.study import reproduce as run
    from marrowscope.training.recipe import load_recipe

    names = tuple(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    if not names:
        raise InputError(f"--models {models}: name at least one model")
    if (external is None) != (mapping is None):
        raise InputError("--external and --mapping go together: images, and what their classes are")
    study = Study(
        path, output, names, load_recipe(recipe, overrides or []), folds,
        0.3 if robustness else None, seed, device,
        None if external is None or mapping is None else (external, mapping),
    )  # fmt: skip

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    with Bars() as bars:
        made = run(study, bars.stage, say)
    failed = [one for one in made.parts if one.failed]
    if json:
        emit_json({
            "report": str(made.report),
            "parts": [
                {"name": one.name, "seconds": round(one.seconds, 1), "failed": one.failed,
                 **one.section.to_dict()}
                for one in made.parts
            ],
        })  # fmt: skip
    for one in failed:
        for line in one.section.missing:
            console.print(f"! {one.section.title}: {line}", markup=False, soft_wrap=True,
                          style="yellow")  # fmt: skip
    console.print(f"→ {made.report}", markup=False, soft_wrap=True)
