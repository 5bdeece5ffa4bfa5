"""Command train."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, SEED, Device, Overrides, Resume, Store

if TYPE_CHECKING:
    from marrowscope.training.networks.throughput import Throughput


def train(
    cells: Annotated[
        Path, typer.Argument(metavar="CELLS", help="Cell table with labels and a split or folds.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")],
    model: Annotated[
        str, typer.Option(help="Architecture: sequential, resnext50, features, vit, timm:NAME.")
    ] = "sequential",
    recipe: Annotated[
        str | None,
        typer.Option(help="default, paper, finetune (the default for backbones), or a YAML file."),
    ] = None,
    overrides: Overrides = None,
    epochs: Annotated[int | None, typer.Option(help="Number of virtual epochs.")] = None,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    fold: Annotated[int | None, typer.Option(help="Fold to hold out.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model in its card.")] = None,
    device: Device = "auto",
    store: Store = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Start from these weights: made by 'pretrain' or, for vit and timm:NAME, "
            "published ones on disk."
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="For vit and timm:NAME: linear or knn (frozen features), or finetune."),
    ] = None,
    labels_share: Annotated[
        float, typer.Option(help="Use only this share of each class's training cells.")
    ] = 1.0,
    resume: Resume = False,
    json: bool = JSON,
) -> None:
    """Train a network; the run folder gets a model bundle and held-out predictions.

    `--model features` trains the feature-based baseline instead: measured features and a support
    vector machine. Recipe, epochs and device do not apply to it.

    `--model vit --weights FILE` uses a published vision transformer of the DINOv2 type: its frozen
    features with `--head linear` or `knn`, or all of it with `--head finetune`.

    An interrupted run continues with `--resume`; on a CPU it ends with exactly the same weights.

    Example: `marrowscope train split.parquet --model sequential -o run`
    """
    import marrowscope as ms
    from marrowscope.dataset.splitting import split_warning
    from marrowscope.extras import require_extra
    from marrowscope.models.architectures import FEATURES, is_backbone

    require_extra("analysis" if model == FEATURES else "train", "'marrowscope train'")
    from marrowscope.training.recipe import load_recipe
    from marrowscope.training.run_setup import default_recipe

    changes = list(overrides or []) + ([] if epochs is None else [f"epochs={epochs}"])
    chosen = load_recipe(recipe or default_recipe(model), changes)
    table = ms.read_cells(cells)

    def show(epoch: int, metrics: dict[str, float]) -> None:
        recalls = "  ".join(
            f"{key.removeprefix('recall_')} {value:.2f}"
            for key, value in metrics.items()
            if key.startswith("recall_")
        )
        console.print(
            f"epoch {epoch}/{chosen.epochs}: macro-F1 {metrics['macro_f1']:.3f}; recall {recalls}",
            markup=False,
        )

    if fold is None and not {"split", "fold"} & set(table.columns):
        console.print(
            "! The table has no split: every cell is used for training, and nothing can measure "
            "how good the network is. 'marrowscope split' makes one.",
            style="yellow",
            soft_wrap=True,
        )
    try:
        with Bars() as bars:
            result = ms.train(
                cells, output, model, recipe=chosen, name=name, seed=seed, fold=fold,
                device=device, store=store, weights=weights, head=head, share=labels_share,
                resume=resume, progress=bars.stage, epoch=show,
                say=lambda line: console.print(line, markup=False, soft_wrap=True),
            )  # fmt: skip
    except KeyboardInterrupt:
        console.print("stopped; the same command with --resume continues", style="yellow")
        raise
    if json:
        speed = {} if result.throughput is None else result.throughput.to_dict()
        emit_json({"run": str(output), "metrics": result.metrics, **speed})
    if model != "features" and (head == "finetune" or not is_backbone(model)):
        console.print(_speed(output, result.throughput), markup=False, soft_wrap=True)
    if result.metrics:
        console.print(f"held-out macro-F1 {result.metrics['macro_f1']:.3f}", markup=False)
        warning = split_warning(table)
        if warning is not None:
            console.print(f"! {warning}", markup=False, style="yellow", soft_wrap=True)
    else:
        console.print("! nothing was held out, so nothing was measured", style="yellow")
    console.print(f"→ {output}/bundle", markup=False)


def _speed(output: Path, speed: "Throughput | None") -> str:
    if speed is None:
        return f"{output}: this run was already finished"
    if speed.steps_per_second is None or speed.images_per_second is None:
        return "too few steps to measure the speed"
    line = f"{speed.images_per_second:.0f} images/s, {speed.steps_per_second:.2f} steps/s"
    if speed.bare_steps_per_second is None or speed.ratio is None:
        return line
    bare = f"{speed.bare_steps_per_second:.2f} steps/s"
    return f"{line}; the bare network right after: {bare}, ratio {speed.ratio:.2f}"
