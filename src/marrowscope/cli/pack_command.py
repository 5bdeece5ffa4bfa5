"""Command pack."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON, CellTable
from marrowscope.cli.table_errors import naming


def pack(
    cells: CellTable,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Store to make or extend; default: cells.store beside cells.parquet.",
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every packed image afterwards.")
    ] = False,
    json: bool = JSON,
) -> None:
    """Decode every image once into a store that training maps into memory.

    An image takes 187,500 bytes. Images that are already in the store are not read again: an
    interrupted run continues where it stopped, and a larger table adds only what is new. `train`
    finds a store that lies beside the table.

    Example: `marrowscope pack split.parquet`
    """
    import numpy as np

    from marrowscope.cells import read_cells
    from marrowscope.dataset.packing import pack as pack_table
    from marrowscope.dataset.pixel_store import IMAGE_BYTES, PixelStore

    folder = output or cells.with_suffix(".store")
    with naming(cells), progress("packing") as advance:
        packed = pack_table(read_cells(cells), folder, advance)
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
        f"({packed.added} added, {len(packed.failed)} unusable) → {folder}",
        markup=False,
        soft_wrap=True,
    )
