"""Command match-stain."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, Seed


def match_stain(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="As for predict: images, folders, lists, tables."),
    ],
    reference: Annotated[Path, typer.Option(help="Cell table of the training data.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for the images.")],
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Give images the stain and brightness of the training data, before `predict`.

    It writes PNG images, and cells.parquet with all columns of the source. The median of a slide, a
    patient or the whole set is shifted, so that a pale cell stays pale. It can make answers worse:
    compare on cells that you labelled.

    Example: `marrowscope match-stain theirs/ --reference split.parquet -o matched`
    """
    import marrowscope as ms

    with Bars() as bars:
        made = ms.match_stain(images, reference, output, seed=seed, progress=bars.stage)
    matched = made.table.height - made.unread
    if json:
        emit_json({"output": str(output), "images": matched, "unread": made.unread})
    console.print(
        f"{matched} images matched, {made.unread} unreadable → {output / 'cells.parquet'}",
        markup=False,
        soft_wrap=True,
    )
