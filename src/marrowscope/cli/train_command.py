"""Command train."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_remark
from marrowscope.cli.options import JSON, SEED, Device, Overrides, Resume, Store


def train(
    cells: Annotated[
        Path, typer.Argument(metavar="CELLS", help="Cell table with labels and a split or folds.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")],
    model: Annotated[
        str,
        typer.Option(
            help="Architecture: sequential, resnext50, efficientnet-lite0 (or 1, 2), features, "
            "vit, timm:NAME."
        ),
    ] = "sequential",
    recipe: Annotated[
        str | None,
        typer.Option(help="default, paper, finetune (the default for backbones), or a YAML file."),
    ] = None,
    changes: Overrides = None,
    epochs: Annotated[int | None, typer.Option(help="Number of virtual epochs.")] = None,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    fold: Annotated[int | None, typer.Option(help="Fold to hold out.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model in its card.")] = None,
    device: Device = "auto",
    store: Store = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Start from these weights: made by 'pretrain', published ones on disk (vit, "
            "timm:NAME, resnext50), or 'imagenet' (efficientnet-lite0, 1, 2)."
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="For vit and timm:NAME: linear or knn (frozen features), or finetune."),
    ] = None,
    share: Annotated[
        float,
        typer.Option("--labels-share", help="Use only this share of each class's training cells."),
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

    def show(number: int, epochs: int, scores: dict[str, float]) -> None:
        recalls = "  ".join(
            f"{key.removeprefix('recall_')} {value:.2f}"
            for key, value in scores.items()
            if key.startswith("recall_")
        )
        console.print(
            f"epoch {number}/{epochs}: macro-F1 {scores['macro_f1']:.3f}; recall {recalls}",
            markup=False,
        )

    def say(line: str) -> None:
        style = "yellow" if line.startswith("!") else None
        console.print(line, markup=False, soft_wrap=True, style=style)

    try:
        with Bars() as bars:
            result = ms.train(
                cells,
                output,
                model,
                recipe=recipe,
                changes=[*(changes or ()), *([] if epochs is None else [f"epochs={epochs}"])],
                name=name,
                seed=seed,
                fold=fold,
                device=device,
                store=store,
                weights=weights,
                head=head,
                share=share,
                resume=resume,
                progress=bars.stage,
                epoch=show,
                say=say,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command with --resume continues", style="yellow")
        raise
    if json:
        speed = {} if result.throughput is None else result.throughput.to_dict()
        emit_json({"run": str(output), "metrics": result.metrics, **speed})
    if result.speed is not None:
        console.print(result.speed, markup=False, soft_wrap=True)
    if result.metrics:
        console.print(f"held-out macro-F1 {result.metrics['macro_f1']:.3f}", markup=False)
    for warning in result.warnings:
        print_remark(warning)
    console.print(f"→ {output}/bundle", markup=False)
