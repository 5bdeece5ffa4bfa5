"""Command model convert."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json
from marrowscope.cli.options import JSON


def convert(
    model: Annotated[str, typer.Argument(metavar="BUNDLE", help="Bundle folder; it is changed.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="New bundle folder; default: the same folder."),
    ] = None,
    half: Annotated[
        bool,
        typer.Option(
            "--half",
            help="Store weights in half precision; needs --output. Without int8 and calibration.",
        ),
    ] = False,
    json: bool = JSON,
) -> None:
    """Add the graph to a bundle of an earlier version, so that it predicts without torch.

    New bundles have it. It needs torch once; weights and all other parts stay as they are, unless
    --half is given: that makes a bundle half as large, to be calibrated and quantized again.

    Example: `marrowscope model convert run/bundle`
    """
    import marrowscope as ms

    card, folder = ms.convert_model(model, output, half=half), output or model
    if json:
        emit_json({"bundle": str(folder), **card.graph})
    console.print(
        f"{card.name}: the graph computes the network's probabilities without torch → {folder}",
        markup=False,
        soft_wrap=True,
    )
    if half:
        console.print(
            "Its weights are rounded to half precision: int8 part and calibration of the exact "
            "ones are not in it; make them with 'marrowscope model quantize' and 'model calibrate'",
            markup=False,
            soft_wrap=True,
        )
