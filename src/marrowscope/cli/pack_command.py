"""Command pack."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_remark
from marrowscope.cli.options import JSON, CellTable


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
    import marrowscope as ms

    with Bars() as bars:
        packed = ms.pack(cells, output, verify=verify, progress=bars.stage)
    if json:
        failed = [{"path": path, "reason": reason} for path, reason in packed.failed]
        emit_json(
            {
                "store": str(packed.folder),
                "images": packed.images,
                "added": packed.added,
                "failed": failed,
                "verified": verify,
            }
        )
    for path, reason in packed.failed[:20]:
        print_remark(f"{path}: {reason}")
    if len(packed.failed) > 20:
        console.print(f"! and {len(packed.failed) - 20} more", style="yellow")
    console.print(
        f"{packed.images} images, {packed.gigabytes:.2f} GB "
        f"({packed.added} added, {len(packed.failed)} unusable) → {packed.folder}",
        markup=False,
        soft_wrap=True,
    )
