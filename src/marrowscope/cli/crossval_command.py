"""Command crossval."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, Bootstrap, Device, Overrides, Seed, Store
from marrowscope.cli.table_errors import naming
from marrowscope.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from marrowscope.evaluation.evaluation_result import Evaluation


def crossval(
    cells: Annotated[Path, typer.Argument(metavar="CELLS", help="Cell table with labels.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the runs.")],
    model: Annotated[str, typer.Option(help="Architecture, as for train.")] = "sequential",
    folds: Annotated[int, typer.Option(help="Number of folds.")] = 5,
    holdout: Annotated[
        float | None,
        typer.Option(
            help="Hold out this share once, instead of folds; 0.3 is the study's robustness check."
        ),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="As for train.")] = None,
    overrides: Overrides = None,
    seed: Seed = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Folds to train at the same time.")] = 1,
    device: Device = "auto",
    store: Store = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Start from these, as for train; they must not have seen these cells."),
    ] = None,
    head: Annotated[str | None, typer.Option(help="For vit and timm:NAME, as for train.")] = None,
    bootstrap: Bootstrap = 2000,
    json: bool = JSON,
) -> None:
    """Cross-validate a model: one training per fold, mean ± sd per class, one report.

    The same table and seed give every model the same folds. An interrupted run continues with the
    same command: finished folds stay, and the one that was training resumes.

    Example: `marrowscope crossval cells.parquet --model sequential --folds 5 -o cv`
    """
    from marrowscope.extras import require_extra
    from marrowscope.models.architectures import FEATURES

    require_extra("analysis" if model == FEATURES else "train", "'marrowscope crossval'")
    from marrowscope.cells import read_cells
    from marrowscope.evaluation.cross_validation import CrossValidationPlan, cross_validate
    from marrowscope.evaluation.evaluate_predictions import evaluate
    from marrowscope.evaluation.study_table import study_table
    from marrowscope.io.atomic import replacing
    from marrowscope.report.evaluation_figures import fold_confusions_figure
    from marrowscope.report.evaluation_page import write_report
    from marrowscope.training.hooks import TrainingHooks
    from marrowscope.training.recipe import load_recipe
    from marrowscope.training.run_setup import default_recipe

    chosen = load_recipe(recipe or default_recipe(model), overrides or [])
    plan = CrossValidationPlan(model, chosen, folds, holdout, seed, weights, head)
    if holdout is not None and not 0 < holdout < 1:
        raise InputError(f"--holdout is {holdout}; expected a share between 0 and 1, such as 0.3")
    table = read_cells(cells)

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    try:
        with naming(cells), Bars() as bars:

            def watch(name: str) -> TrainingHooks:
                return TrainingHooks(
                    bars.stage("stain vectors"),
                    bars.stage(f"{name}: reading images"),
                    bars.stage(f"{name}: training steps"),
                    None,
                    bars.stage(f"{name}: packing pixels"),
                    lambda line: say(f"{name}: {line}"),
                )

            result = cross_validate(
                table, plan, output, jobs=jobs, device=device,
                store=store or cells.with_suffix(".store"), store_given=store is not None,
                hooks=watch,
                finished=lambda name, done, parts: say(f"{name} finished, {done} of {parts}"),
            )  # fmt: skip
    except KeyboardInterrupt:
        console.print("stopped; the same command continues", style="yellow")
        raise
    with console.status("scoring"):
        scored = evaluate(result.predictions, resamples=bootstrap, seed=seed)
        kind = f"{folds}-fold cross-validation" if holdout is None else f"hold-out of {holdout:g}"
        facts = {"model": model, "recipe": plan.recipe.name, "protocol": f"{kind}, seed {seed}"}
        write_report(scored, result.predictions, output / "report", f"{kind} of {model}", facts)
        rows = study_table(scored)
        with replacing(output / "table1.csv") as temporary:
            rows.write_csv(temporary)
        if scored.folds is not None:
            figure = fold_confusions_figure(result.predictions, scored.codes)
            with replacing(output / "folds.png") as temporary:
                figure.savefig(temporary, dpi=150)
    if json:
        emit_json(_summary(output, scored, list(result.trained)))
    console.print(_shown(rows))
    for warning in dict.fromkeys((*result.warnings, *scored.warnings)):
        console.print(f"! {warning}", markup=False, style="yellow", soft_wrap=True)
    console.print(f"→ {output / 'report' / 'report.html'}", markup=False, soft_wrap=True)


def _summary(output: Path, scored: "Evaluation", trained: list[str]) -> dict[str, Any]:
    totals: dict[str, Any] = {}
    for kind in ("strict", "tolerant"):
        over = getattr(scored.folds, kind) if scored.folds else {}
        totals[kind] = {
            name: {
                "pooled": value.value,
                "mean": over[name].mean if over else None,
                "sd": over[name].sd if over else None,
            }
            for name, value in getattr(scored, kind).items()
        }
    return {
        "run": str(output),
        "predictions": str(output / "predictions.parquet"),
        "cells": scored.counts["evaluated"],
        "trained": trained,
        **totals,
        "warnings": list(scored.warnings),
    }


def _shown(rows: "pl.DataFrame") -> Table:
    """Table 1: mean ± sd over folds, and in brackets what was published."""
    columns = ("strict_precision", "strict_recall", "tolerant_precision", "tolerant_recall")
    shown = Table("class", "images", "strict P", "strict R", "tolerant P", "tolerant R",
                  box=None, pad_edge=False)  # fmt: skip
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
