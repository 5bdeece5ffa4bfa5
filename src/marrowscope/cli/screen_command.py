"""Command screen."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON, CellTable, TableOutput
from marrowscope.errors import InputError


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

    The others get an error that names the one kept, so that no later step uses them. An
    interrupted run continues where it stopped.

    Example: `marrowscope screen cells.parquet -o clean.parquet --sheet overlaps.png`
    """
    from marrowscope.cells import read_cells, require_table_name, write_cells
    from marrowscope.dataset.overlap_screening import screen as screen_table
    from marrowscope.io.atomic import replacing
    from marrowscope.io.image_encoding import encode_png
    from marrowscope.report.overlap_sheet import overlap_sheet

    require_table_name(output)
    if pairs is not None:
        require_table_name(pairs, "--pairs")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InputError(f"--sheet {sheet}: give it the suffix .png")
    table = read_cells(cells)
    with progress("screening") as advance:
        result = screen_table(table, output.with_name(output.name + ".landmarks"), advance)
    write_cells(result.table, output)
    if pairs is not None:
        write_cells(result.pairs, pairs)
    if sheet is not None and result.pairs.height:
        with replacing(sheet) as temporary:
            temporary.write_bytes(encode_png(overlap_sheet(result.table, result.pairs)))
    groups = result.table["overlap_group"].drop_nulls()
    dropped = groups.len() - groups.n_unique()
    if json:
        emit_json({"output": str(output), "images": table.height, "pairs": result.pairs.height,
                   "groups": groups.n_unique(), "dropped": dropped,
                   "unread": len(result.unread)})  # fmt: skip
    for path, reason in result.unread[:20]:
        console.print(f"unreadable: {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    console.print(
        f"{table.height} images: {result.pairs.height} overlapping pairs, {groups.n_unique()} "
        f"groups, {dropped} dropped, {len(result.unread)} unreadable → {output}",
        markup=False,
        soft_wrap=True,
    )
