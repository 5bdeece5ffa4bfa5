"""Commands check and split."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from marrowscope.cli.app import console, emit_json, print_remark
from marrowscope.cli.check_summary import print_bad, print_counts, summary_of
from marrowscope.cli.options import JSON, SEED, CellTable, TableOutput

if TYPE_CHECKING:
    from marrowscope.dataset.splitting import Split


def check(cells: CellTable, json: bool = JSON) -> None:
    """Count images per class beside the published counts; list bad files and what is missing.

    Example: `marrowscope check cells.parquet`
    """
    import marrowscope as ms

    result = ms.check(cells)
    if json:
        emit_json(summary_of(result))
    print_counts(result)
    print_bad(result)
    if result.left_out:
        names = ", ".join(f"{name} ({count})" for name, count in result.left_out.items())
        console.print(f"left out by the mapping: {names}", markup=False)
    for how, count in result.converted:
        console.print(f"converted on reading: {count} × {how}", markup=False)
    if result.sizes:
        sizes = ", ".join(f"{size} ({count})" for size, count in result.sizes[:5])
        console.print(f"sizes: {sizes}", markup=False)
    for name, count in result.ids.items():
        console.print(f"{name}: {count} different", markup=False)
    for warning in result.warnings:
        print_remark(warning)


def split(
    cells: CellTable,
    output: TableOutput,
    test: Annotated[float | None, typer.Option(help="Share of each class to hold out.")] = None,
    folds: Annotated[int | None, typer.Option("--folds", help="Number of folds.")] = None,
    by_list: Annotated[
        Path | None,
        typer.Option("--list", help="List with a column split and cell_id, path or file."),
    ] = None,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    json: bool = JSON,
) -> None:
    """Split by class, keeping patients (or slides) and identical images together.

    Cells of several laboratories are split by class and laboratory.

    Example: `marrowscope split cells.parquet --test 0.2 -o split.parquet`
    """
    import marrowscope as ms

    if sum(option is not None for option in (test, folds, by_list)) != 1:
        raise typer.BadParameter("give exactly one of --test, --folds, --list")
    result = ms.split(cells, test, folds=folds, by_list=by_list, seed=seed, output=output)
    if json:
        emit_json(
            {
                "output": str(output),
                "grouped_by": result.grouped_by,
                "groups": result.groups,
                "counts": result.counts(),
                **_by_laboratory(result),
                "warnings": list(result.warnings),
            }
        )
    _print_split(result)
    console.print(f"→ {output}", markup=False)


def _by_laboratory(result: "Split") -> dict[str, dict[str, dict[str, dict[str, int]]]]:
    """For ``--json``, where there are several."""
    names = result.laboratories()
    return {"laboratories": {name: result.counts(name) for name in names}} if names else {}


def _print_split(result: "Split") -> None:
    counts = result.counts()
    parts = list(next(iter(counts.values()), {}))
    names = result.laboratories()
    headings = ["laboratory", *parts] if names else parts
    table = Table("class", *headings, box=None, pad_edge=False)
    own = {name: result.counts(name) for name in names}
    for code, row in counts.items():
        numbers = [str(row[part]) for part in parts]
        table.add_row(code, *(["all", *numbers] if names else numbers))
        for name in names:
            there = own[name].get(code, {})
            if there:
                table.add_row("", escape(name), *(str(there.get(part, 0)) for part in parts))
    console.print(table)
    together = result.grouped_by or "identical images only"
    if result.groups is not None:
        together += f", {result.groups} groups"
    console.print(f"kept together: {together}", markup=False)
    for warning in result.warnings:
        print_remark(warning)
