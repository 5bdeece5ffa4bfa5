"""Command merge."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, print_remark
from marrowscope.cli.options import JSON, TableOutput


def merge(
    tables: Annotated[
        list[Path], typer.Argument(metavar="CELLS", help="Cell tables made by 'index'.")
    ],
    output: TableOutput,
    json: bool = JSON,
) -> None:
    """Put cell tables of several laboratories below each other; repeated content counts once.

    Example: `marrowscope merge munich.parquet barcelona.parquet -o both.parquet`
    """
    import marrowscope as ms

    result = ms.merge(tables, output)
    if json:
        emit_json(
            {
                "output": str(output),
                "rows": result.table.height,
                "repeated": result.repeated,
                "warnings": list(result.warnings),
            }
        )
    for warning in result.warnings:
        print_remark(warning)
    console.print(
        f"{len(tables)} tables, {result.table.height} rows, {result.repeated} excluded because "
        f"another table has the same content → {output}",
        markup=False,
        soft_wrap=True,
    )
