"""Command pretrain."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_line
from marrowscope.cli.options import JSON, Device, Overrides, Resume, Seed


def pretrain(
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE", help="Cell table, or images and folders; no labels."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")],
    model: Annotated[
        str,
        typer.Option(help="Architecture: sequential, resnext50, efficientnet-lite0 (or 1, 2)."),
    ] = "sequential",
    recipe: Annotated[str, typer.Option(help="pretrain, or a YAML file.")] = "pretrain",
    changes: Overrides = None,
    epochs: Annotated[int | None, typer.Option(help="How often every image is seen.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Resume = False,
    json: bool = JSON,
) -> None:
    """Learn from images without labels (VICReg), as a start for `train --weights`.

    If a table has a split, only its training images are used: nothing held out takes part.

    Example: `marrowscope pretrain split.parquet -o pretrained`
    """
    import marrowscope as ms

    try:
        with Bars() as bars:
            found = ms.pretrain(
                images,
                output,
                model,
                recipe=recipe,
                changes=[*(changes or ()), *([] if epochs is None else [f"epochs={epochs}"])],
                seed=seed,
                device=device,
                resume=resume,
                progress=bars.stage,
                say=print_line,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command with --resume continues", style="yellow")
        raise
    if json:
        emit_json(found.to_dict())
    if found.purity is not None:
        console.print(
            f"neighbours of the same class: {found.purity[0]:.0%} with random weights, "
            f"{found.purity[1]:.0%} now (labels are used for this figure only)",
            markup=False,
            soft_wrap=True,
        )
    console.print(f"{found.images:,} images → {found.weights}", markup=False, soft_wrap=True)
