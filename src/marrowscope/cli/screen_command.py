"""Command screen."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, CellTable, TableOutput


def screen(
    cells: CellTable,
    output: TableOutput,
    pairs: Annotated[
        Path | None, typer.Option(help="Table of overlapping pairs to write (.parquet or .csv).")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Contact sheet of the overlaps to write (.png).")
    ] = None,
    json: bool = JSON,
) -> None:
    """Find images that show parts of the same field; keep one of each group.

    Turned, mirrored, slightly rescaled and newly compressed copies are found too. The others get
    an error that names the one kept, so that no later step uses them. An interrupted run continues
    where it stopped.

    Example: `marrowscope screen cells.parquet -o clean.parquet --sheet overlaps.png`
    """
    import marrowscope as ms

    with Bars() as bars:
        result = ms.screen(cells, output, pairs=pairs, sheet=sheet, progress=bars.stage)
    images, groups = result.table.height, result.table["overlap_group"].drop_nulls()
    dropped = groups.len() - groups.n_unique()
    turned = sum(pair != "upright" for pair in result.pairs["orientation"].to_list())
    rescaled = sum(pair != 1 for pair in result.pairs["scale"].to_list())
    if json:
        emit_json(
            {
                "output": str(output),
                "images": images,
                "pairs": result.pairs.height,
                "turned_or_mirrored": turned,
                "rescaled": rescaled,
                "groups": groups.n_unique(),
                "dropped": dropped,
                "unread": len(result.unread),
            }
        )
    for path, reason in result.unread[:20]:
        console.print(f"unreadable: {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    console.print(
        f"{images} images: {result.pairs.height} overlapping pairs ({turned} turned or mirrored, "
        f"{rescaled} rescaled), {groups.n_unique()} groups, "
        f"{dropped} dropped, {len(result.unread)} unreadable → {output}",
        markup=False,
        soft_wrap=True,
    )
