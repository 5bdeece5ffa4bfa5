"""Command model quantize."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, BundleOutput


def quantize(
    model: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Bundle folder, for example run/bundle.")
    ],
    cells: Annotated[
        Path, typer.Argument(metavar="CELLS", help="The table it was trained on, with its split.")
    ],
    output: BundleOutput,
    fold: Annotated[int | None, typer.Option(help="Fold that was held out.")] = None,
    json: bool = JSON,
) -> None:
    """Add an int8 graph to a model, for `predict --engine int8`.

    It is calibrated on training images and checked on held-out ones: the top class must agree with
    float32 in 99 %, and macro-F1 may drop by .005. Otherwise nothing is written.

    Example: `marrowscope model quantize run/bundle split.parquet -o run/bundle-int8`
    """
    import marrowscope as ms

    console.print("quantizing takes a minute or two", style="dim")
    with Bars() as bars:
        facts = ms.quantize_model(model, cells, output, fold=fold, progress=bars.stage).facts
    if json:
        emit_json({"bundle": str(output), **facts})
    console.print(
        f"int8 agrees with float32 in {facts['agreement']:.2%} of {facts['checked_images']} "
        f"held-out images; macro-F1 {facts['macro_f1_fp32']:.3f} → {facts['macro_f1_int8']:.3f} "
        f"→ {output}",
        markup=False,
        soft_wrap=True,
    )
