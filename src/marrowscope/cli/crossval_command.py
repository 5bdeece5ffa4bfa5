"""Command crossval."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from marrowscope.cli.app import Bars, console, emit_json, print_line, print_remark
from marrowscope.cli.laboratory_lines import print_laboratories
from marrowscope.cli.options import (
    JSON,
    Bootstrap,
    Cluster,
    Device,
    Overrides,
    PerTask,
    Seed,
    Store,
    beginning,
)

if TYPE_CHECKING:
    import polars as pl


def crossval(
    cells: Annotated[Path, typer.Argument(metavar="CELLS", help="Cell table with labels.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the runs.")],
    model: Annotated[str, typer.Option(help="Architecture, as for train.")] = "sequential",
    folds: Annotated[int | None, typer.Option(help="Number of folds; default: 5.")] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            help="Hold out this share once, instead of folds; 0.3 is the study's robustness check."
        ),
    ] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            metavar="laboratory",
            help="Instead of folds: train on all laboratories but one and judge on it, in turn.",
            autocompletion=lambda incomplete: beginning("laboratory", incomplete),
        ),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="As for train.")] = None,
    changes: Overrides = None,
    seed: Seed = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Folds to train at the same time.")] = 1,
    cluster: Cluster = None,
    per_task: PerTask = None,
    device: Device = "auto",
    store: Store = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Start from these, as for train; they must not have seen these cells."),
    ] = None,
    head: Annotated[str | None, typer.Option(help="For vit and timm:NAME, as for train.")] = None,
    resamples: Bootstrap = 2000,
    json: bool = JSON,
) -> None:
    """Cross-validate a model: one training per fold, mean ± sd per class, one report.

    The same table and seed give every model the same folds. An interrupted run continues with the
    same command: finished folds stay, and the one that was training resumes. With
    `--leave-out laboratory` each fold is a laboratory, judged by the classes that others have too.

    Example: `marrowscope crossval cells.parquet --model sequential --folds 5 -o cv`
    """
    import marrowscope as ms

    try:
        with Bars() as bars:
            made = ms.cross_validate(
                cells,
                output,
                model,
                folds=folds,
                holdout=holdout,
                leave_out=leave_out,
                recipe=recipe,
                changes=changes,
                seed=seed,
                jobs=jobs,
                cluster=cluster,
                per_task=per_task or (),
                device=device,
                store=store,
                weights=weights,
                head=head,
                resamples=resamples,
                progress=bars.stage,
                say=print_line,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command continues", style="yellow")
        raise
    if json:
        emit_json(made.to_dict())
    console.print(_shown(made.table))
    print_laboratories(made.evaluation.scores)
    for warning in made.warnings:
        print_remark(warning)
    console.print(f"→ {output / 'report' / 'report.html'}", markup=False, soft_wrap=True)


def _shown(rows: "pl.DataFrame") -> Table:
    """Table 1: mean ± sd over folds, and in brackets what was published."""
    columns = ("strict_precision", "strict_recall", "tolerant_precision", "tolerant_recall")
    shown = Table(
        "class",
        "images",
        "strict P",
        "strict R",
        "tolerant P",
        "tolerant R",
        box=None,
        pad_edge=False,
    )
    for row in rows.iter_rows(named=True):
        if row.get("strict_total_mean") is None:
            cells = [_cell(row, name) for name in columns]
        else:
            cells = ["", _cell(row, "strict_total"), "", _cell(row, "tolerant_total")]
        shown.add_row(str(row["class"]), str(row["images"]), *cells)
    return shown


def _cell(row: dict[str, Any], name: str) -> str:
    mean, sd = row[f"{name}_mean"], row[f"{name}_sd"]
    if mean is None:
        return "–"
    text = f"{mean:.2f}" + (f"±{sd:.2f}" if sd is not None else "")
    published = row.get(f"{name}_published")
    return text if published is None else f"{text} ({published:.2f})"
