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
    json: bool = JSON,
) -> None:
    """Add the graph to a bundle of an earlier version, so that it predicts without torch.

    New bundles have it. It needs torch once; weights and all other parts stay as they are.

    Example: `marrowscope model convert run/bundle`
    """
    import marrowscope as ms

    card, folder = ms.convert_model(model, output), output or model
    if json:
        emit_json({"bundle": str(folder), **card.graph})
    console.print(
        f"{card.name}: the graph computes the network's probabilities without torch → {folder}",
        markup=False,
        soft_wrap=True,
    )
