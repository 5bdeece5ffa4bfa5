"""Command screen."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
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

    Turned, mirrored, slightly rescaled and newly compressed copies are found too. The others get
    an error that names the one kept, so that no later step uses them. An interrupted run continues
    where it stopped.

    Example: `marrowscope screen cells.parquet -o clean.parquet --sheet overlaps.png`
    """
    import marrowscope as ms
    from marrowscope.cells import require_table_name
    from marrowscope.io.atomic import replacing
    from marrowscope.io.image_encoding import encode_png
    from marrowscope.report.overlap_sheet import overlap_sheet

    require_table_name(output)
    if pairs is not None:
        require_table_name(pairs, "--pairs")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InputError(f"--sheet {sheet}: give it the suffix .png")
    with Bars() as bars:
        result = ms.screen(cells, output, progress=bars.stage)
    if pairs is not None:
        ms.write_cells(result.pairs, pairs)
    if sheet is not None and result.pairs.height:
        with replacing(sheet) as temporary:
            temporary.write_bytes(encode_png(overlap_sheet(result.table, result.pairs)))
    images, groups = result.table.height, result.table["overlap_group"].drop_nulls()
    dropped = groups.len() - groups.n_unique()
    turned = sum(pair != "upright" for pair in result.pairs["orientation"].to_list())
    rescaled = sum(pair != 1 for pair in result.pairs["scale"].to_list())
    if json:
        emit_json({"output": str(output), "images": images, "pairs": result.pairs.height,
                   "turned_or_mirrored": turned, "rescaled": rescaled,
                   "groups": groups.n_unique(), "dropped": dropped,
                   "unread": len(result.unread)})  # fmt: skip
    for path, reason in result.unread[:20]:
        console.print(f"unreadable: {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    console.print(
        f"{images} images: {result.pairs.height} overlapping pairs ({turned} turned or mirrored, "
        f"{rescaled} rescaled), {groups.n_unique()} groups, "
        f"{dropped} dropped, {len(result.unread)} unreadable → {output}",
        markup=False,
        soft_wrap=True,
    )
