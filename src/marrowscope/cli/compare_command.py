"""Command compare."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.app import console, emit_json
from marrowscope.cli.options import JSON, FolderOutput, Seed, Tolerated
from marrowscope.errors import InputError
from marrowscope.io.json_data import finite, json_text

if TYPE_CHECKING:
    import polars as pl

    from marrowscope.evaluation.model_comparison import Comparison, PairwiseTest

PREDICTIONS = "predictions.parquet"


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN_OR_PREDICTIONS",
            help="Cross-validation or run folders, or prediction tables; NAME=PATH names a model.",
        ),
    ],
    output: FolderOutput,
    classes: Annotated[
        str | None, typer.Option(help="Classes in the figure, such as BLA,PMO; default: all.")
    ] = None,
    tolerated: Tolerated = None,
    bootstrap: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Compare models on the same cells and folds: recall per class, and whether one is better.

    Better means that macro-F1 differs in a test over folds (corrected resampled t-test) and in one
    over cells (paired bootstrap), both with Holm's correction.

    Example: `marrowscope compare resnext=cv-resnext sequential=cv-sequential -o comparison`
    """
    import polars as pl

    from marrowscope.evaluation.model_comparison import compare as compare_tables
    from marrowscope.io.atomic import replacing
    from marrowscope.morphology import TOLERATED, load_tolerated
    from marrowscope.report.comparison_figure import comparison_figure

    tables = _tables(models)
    pairs = TOLERATED if tolerated is None else load_tolerated(tolerated)
    with console.status("comparing"):
        result = compare_tables(tables, pairs, bootstrap, seed)
    chosen = _chosen(classes, result.codes)
    figure = comparison_figure(result, chosen)
    with replacing(output / "compare.png") as temporary:
        figure.savefig(temporary, dpi=150)
    with replacing(output / "recall.csv") as temporary:
        result.recalls.drop("values").write_csv(temporary)
    with replacing(output / "recall_tests.csv") as temporary:
        result.tests.with_columns(pl.col(pl.Float64).fill_nan(None)).write_csv(temporary)
    summary = _summary(result, bootstrap, seed)
    with replacing(output / "compare.json") as temporary:
        temporary.write_text(json_text(summary), encoding="utf-8")
    if json:
        emit_json({"output": str(output), **summary})
    for test in result.pairwise_tests:
        console.print(test.sentence(), markup=False, soft_wrap=True)
    if not result.folds:
        console.print(
            "! without folds, chance in the cells is tested, but not chance in the training",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
    console.print(f"→ {output / 'compare.png'}", markup=False, soft_wrap=True)


def _tables(models: list[str]) -> "dict[str, pl.DataFrame]":
    from marrowscope.cells import read_cells

    tables: dict[str, pl.DataFrame] = {}
    for model in models:
        name, equals, place = model.partition("=")
        if not equals or Path(model).exists():
            name, place = "", model
        path = Path(place)
        file = path / PREDICTIONS if path.is_dir() else path
        if path.is_dir() and not file.exists():
            raise InputError(f"{path}: holds no {PREDICTIONS}; is the run finished?")
        if not name:
            own = path.parent if path.is_file() and path.name == PREDICTIONS else path
            name = own.resolve().name if own.is_dir() else path.stem
        if name in tables:
            raise InputError(f"{model}: there is already a model {name}; write NAME={place}")
        tables[name] = read_cells(file, needs=["label", "predicted"])
    return tables


def _chosen(classes: str | None, codes: tuple[str, ...]) -> tuple[str, ...] | None:
    if classes is None:
        return None
    chosen = tuple(dict.fromkeys(code.strip() for code in classes.split(",") if code.strip()))
    unknown = [code for code in chosen if code not in codes]
    if unknown or not chosen:
        raise InputError(
            f"--classes {classes}: {unknown[0] if unknown else 'nothing'} has no cells here; "
            f"choose from {' '.join(codes)}"
        )
    return chosen


def _summary(result: "Comparison", resamples: int, seed: int) -> dict[str, Any]:
    return {
        "models": list(result.models),
        "cells": result.cells,
        "folds": list(result.folds),
        "bootstrap": {"resamples": resamples, "seed": seed, "unit": result.unit},
        "macro_f1": [_plain(test) for test in result.pairwise_tests],
        "sentences": [test.sentence() for test in result.pairwise_tests],
    }


def _plain(test: "PairwiseTest") -> dict[str, Any]:
    facts = finite(
        {"first": test.first, "second": test.second, "kind": test.kind,
         "p_folds_holm": test.p_folds, "p_cells_holm": test.p_cells, "better": test.verdict}
    )  # fmt: skip
    return {**facts, "folds": finite(asdict(test.folds)), "cells": finite(asdict(test.cells))}
