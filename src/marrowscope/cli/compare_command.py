"""Command compare."""

from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, print_remark
from marrowscope.cli.options import JSON, FolderOutput, Seed, Tolerated


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN_OR_PREDICTIONS",
            help="Cross-validation or run folders, or prediction tables; NAME=PATH names a model.",
        ),
    ],
    output: FolderOutput,
    classes: Annotated[
        str | None, typer.Option(help="Classes in the figure, such as BLA,PMO; default: all.")
    ] = None,
    tolerated: Tolerated = None,
    resamples: Annotated[
        int, typer.Option("--bootstrap", min=100, help="Bootstrap resamples.")
    ] = 2000,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Compare models on the same cells and folds: recall per class, and whether one is better.

    Better means that macro-F1 differs in a test over folds (corrected resampled t-test) and in one
    over cells (paired bootstrap), both with Holm's correction.

    Example: `marrowscope compare resnext=cv-resnext sequential=cv-sequential -o comparison`
    """
    import marrowscope as ms

    with console.status("comparing"):
        result = ms.compare(
            models, output, classes=classes, tolerated=tolerated, resamples=resamples, seed=seed
        )
    if json:
        emit_json({"output": str(output), **result.to_dict()})
    for line in result.sentences:
        console.print(line, markup=False, soft_wrap=True)
    for line in result.warnings:
        print_remark(line)
    console.print(f"→ {output / 'compare.png'}", markup=False, soft_wrap=True)
