"""Command pretrain."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, Device, Overrides, Resume, Seed


def pretrain(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE", help="Cell table, or images and folders; no labels."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")],
    model: Annotated[
        str, typer.Option(help="Architecture: sequential or resnext50.")
    ] = "sequential",
    recipe: Annotated[str, typer.Option(help="pretrain, or a YAML file.")] = "pretrain",
    overrides: Overrides = None,
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
    from marrowscope.cells import read_cells
    from marrowscope.dataset.indexing import index
    from marrowscope.training.hooks import TrainingHooks
    from marrowscope.training.recipe import load_recipe
    from marrowscope.training.run_setup import choose_device
    from marrowscope.training.self_supervised.pretrain import pretrain as learn

    changes = list(overrides or []) + ([] if epochs is None else [f"epochs={epochs}"])
    chosen = load_recipe(recipe, changes)
    try:
        with Bars() as bars:
            if len(sources) == 1 and sources[0].suffix == ".parquet":
                table = read_cells(sources[0], needs=["path"])
            else:
                table = index(sources, advance=bars.stage("indexing"))
            found = learn(
                table, model, chosen, output, seed=seed, resume=resume,
                device=choose_device(device),
                hooks=TrainingHooks(
                    bars.stage("stain vectors"), bars.stage("reading images"),
                    bars.stage("pretraining steps"), None, bars.stage("packing pixels"),
                    lambda line: console.print(line, markup=False, soft_wrap=True),
                ),
                store=output.with_suffix(".store"),
            )  # fmt: skip
    except KeyboardInterrupt:
        console.print("stopped; the same command with --resume continues", style="yellow")
        raise
    if json:
        before, after = found.purity or (None, None)
        emit_json({"weights": str(found.weights), "images": found.images, "spread": found.spread,
                   "purity_before": before, "purity_after": after})  # fmt: skip
    if found.purity is not None:
        console.print(
            f"neighbours of the same class: {found.purity[0]:.0%} with random weights, "
            f"{found.purity[1]:.0%} now (labels are used for this figure only)",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    console.print(f"{found.images:,} images → {found.weights}", markup=False, soft_wrap=True)
