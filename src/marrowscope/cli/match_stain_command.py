"""Command match-stain."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON, Seed
from marrowscope.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def match_stain(
    sources: Annotated[
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
    import polars as pl

    from marrowscope.cells import read_cells, write_cells
    from marrowscope.dataset.stain_normalization import (
        MIN_IMAGES,
        normalized_images,
        reference_appearance,
    )
    from marrowscope.inference.image_sources import expand
    from marrowscope.io.atomic import replacing_folder
    from marrowscope.io.image_encoding import encode_png

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output}: is not empty; name a new folder")
    table = expand(sources)
    trained_on = read_cells(reference)
    try:
        wanted = reference_appearance(trained_on, seed)
    except InputError as error:
        raise InputError(f"{reference}: {error}") from None
    if "path" in table.columns and table.height < MIN_IMAGES:
        raise InputError(
            f"{', '.join(sources)}: {table.height} images; at least {MIN_IMAGES} are needed"
        )
    paths: list[Any] = table["path"].to_list()
    digits = len(str(table.height))
    unread = 0
    with replacing_folder(output) as place, progress("matching", table.height) as advance:
        for row, image in normalized_images(table, wanted, seed, advance):
            if image is None:
                unread += 1
                continue
            name = f"{row:0{digits}d}-{Path(paths[row]).stem[:80]}.png"
            (place / name).write_bytes(encode_png(image))
            paths[row] = str(output.resolve() / name)
        result = _with_ids(table.with_columns(pl.Series("path", paths, pl.String)))
        write_cells(result, place / "cells.parquet")
    if json:
        emit_json({"output": str(output), "images": table.height - unread, "unread": unread})
    console.print(
        f"{table.height - unread} images matched, {unread} unreadable → {output / 'cells.parquet'}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _with_ids(table: "pl.DataFrame") -> "pl.DataFrame":
    """Drop what was measured on the old pixels; number the cells if they have no ids."""
    import polars as pl

    stale = ("stain", "sha256", "bytes", "modified_ns")
    table = table.drop(name for name in stale if name in table.columns)
    if "cell_id" in table.columns:
        return table
    ids = [f"cell-{row}" for row in range(table.height)]
    return table.select(pl.Series("cell_id", ids), pl.all())
