"""Command pack."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON
from marrowscope.errors import InputError


def pack(
    cells: Annotated[Path, typer.Argument(help="Cell table made by 'index'.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Store to make or to grow; default: TABLE.store."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Afterwards check every packed image.")
    ] = False,
    json: bool = JSON,
) -> None:
    """Decode every image once into a store that training maps into memory.

    An image takes 187,500 bytes. Images that are in the store already are not read again: a killed
    run goes on where it was, and a table that grew adds only what is new. `train` finds the store
    by itself where it lies beside the table.

    Example: `marrowscope pack split.parquet`
    """
    import numpy as np

    from marrowscope.cells import read_cells
    from marrowscope.dataset.packing import pack as pack_table
    from marrowscope.dataset.pixel_store import IMAGE_BYTES, PixelStore

    folder = output or cells.with_suffix(".store")
    try:
        with progress("packing") as advance:
            packed = pack_table(read_cells(cells), folder, advance)
    except InputError as error:
        message = str(error)
        raise InputError(message if "the table" not in message else f"{cells}: {message}") from None
    if verify:
        store = PixelStore(folder)
        with progress("verifying", len(store)) as advance:
            for row in range(len(store)):
                store.verify(np.array([row]))
                advance(1)
    if json:
        failed = [{"path": path, "reason": reason} for path, reason in packed.failed]
        emit_json({"store": str(folder), "images": packed.images, "added": packed.added,
                   "failed": failed, "verified": verify})  # fmt: skip
    for path, reason in packed.failed[:20]:
        console.print(f"! {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    if len(packed.failed) > 20:
        console.print(f"! and {len(packed.failed) - 20} more", style="yellow")
    console.print(
        f"{packed.images} images, {packed.images * IMAGE_BYTES / 1e9:.2f} GB "
        f"({packed.added} added, {len(packed.failed)} cannot be used) → {folder}",
        markup=False,
        soft_wrap=True,
    )
