"""Command evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from marrowscope.cli.app import console, emit_json
from marrowscope.cli.evaluate_external import evaluate_external
from marrowscope.cli.options import JSON
from marrowscope.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from marrowscope.evaluation.evaluation_result import FoldScores


def evaluate(
    predictions: Annotated[
        list[Path],
        typer.Argument(help="Tables with predictions and labels; several are several folds."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Report folder.")],
    truth: Annotated[
        Path | None,
        typer.Option(help="Cell table with the labels, matched by cell_id, else by path."),
    ] = None,
    tolerated: Annotated[
        Path | None, typer.Option(help="YAML list of tolerated pairs instead of the study's.")
    ] = None,
    bundle: Annotated[
        str | None, typer.Option(help="Model, to name in the report what it was trained on.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Score only cells with this split, such as test.")
    ] = None,
    external: Annotated[
        Path | None,
        typer.Option(help="YAML or CSV: external class → compatible classes, for such a set."),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="With --external: below it a cell is not called.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="With --external: cell table of the training data, for a shift report."),
    ] = None,
    microns_per_pixel: Annotated[
        float | None, typer.Option(help="With --reference: as for predict.")
    ] = None,
    bootstrap: Annotated[int, typer.Option(min=10, help="Bootstrap resamples.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    json: bool = JSON,
) -> None:
    """Strict and tolerant scores with intervals, beside the published ones; an HTML report.

    Where the tables hold several folds there are also mean and standard deviation over them.

    With `--external` the labels are of another class scheme: agreement by class and lineage, no
    calls, and how far the set lies from the training data.

    Example: `marrowscope evaluate run/predictions.parquet -o report`
    """
    from marrowscope.evaluation.evaluate_predictions import evaluate as evaluate_table
    from marrowscope.morphology import TOLERATED, load_tolerated
    from marrowscope.report.evaluation_page import require_evaluation_folder, write_report

    named = ", ".join(str(path) for path in predictions)
    if external is not None:
        evaluate_external(
            _joined(predictions, truth, split), named, output, external, min_confidence, reference,
            bundle, microns_per_pixel, seed, json,
        )  # fmt: skip
        return
    _refuse_alone(min_confidence, reference, microns_per_pixel)
    require_evaluation_folder(output)
    table = _joined(predictions, truth, split)
    pairs = TOLERATED if tolerated is None else load_tolerated(tolerated)
    facts = {} if bundle is None else _facts(bundle)
    with console.status("scoring"):
        try:
            result = evaluate_table(table, pairs, bootstrap, seed)
        except InputError as error:
            raise InputError(f"{named}: {error}") from None
        title = predictions[0].name if len(predictions) == 1 else f"{len(predictions)} tables"
        write_report(result, table, output, f"Evaluation of {title}", facts)
    if json:
        emit_json(
            {
                "report": str(output / "report.html"),
                "cells": result.counts["evaluated"],
                "strict": {name: value.value for name, value in result.strict.items()},
                "tolerant": {name: value.value for name, value in result.tolerant.items()},
                "folds": None if result.folds is None else _folds_summary(result.folds),
                "warnings": list(result.warnings),
            }
        )
    shown = Table("class", "cells", "precision", "recall", "tolerant P", "tolerant R",
                  box=None, pad_edge=False)  # fmt: skip
    for entry in result.classes:
        if entry.cells:
            values = (entry.strict["precision"], entry.strict["recall"],
                      entry.tolerant["precision"], entry.tolerant["recall"])  # fmt: skip
            shown.add_row(
                _printable(entry.code), str(entry.cells), *(f"{v.value:.3f}" for v in values)
            )
    console.print(shown)
    for name in ("macro_f1", "accuracy"):
        strict, tolerant = result.strict[name], result.tolerant[name]
        console.print(
            f"{name} {strict.value:.3f} ({strict.low:.3f}–{strict.high:.3f}), tolerant "
            f"{tolerant.value:.3f} ({tolerant.low:.3f}–{tolerant.high:.3f})",
            markup=False,
        )
        if result.folds is not None:
            strict_folds, tolerant_folds = result.folds.strict[name], result.folds.tolerant[name]
            console.print(
                f"  over {len(result.folds.names)} folds {strict_folds.mean:.3f} ± "
                f"{strict_folds.sd:.3f}, tolerant {tolerant_folds.mean:.3f} ± "
                f"{tolerant_folds.sd:.3f}",
                markup=False,
            )
    for warning in result.warnings:
        console.print(_printable(f"! {warning}"), style="yellow", soft_wrap=True)
    console.print(f"→ {output / 'report.html'}", markup=False, soft_wrap=True)


def _refuse_alone(
    min_confidence: float | None, reference: Path | None, microns_per_pixel: float | None
) -> None:
    given = {
        "--min-confidence": min_confidence,
        "--reference": reference,
        "--microns-per-pixel": microns_per_pixel,
    }
    for name, value in given.items():
        if value is not None:
            raise InputError(f"{name}: works only with --external")


def _joined(predictions: list[Path], truth: Path | None, split: str | None) -> "pl.DataFrame":
    from marrowscope.cells import read_cells
    from marrowscope.evaluation.fold_scores import join_folds

    tables = []
    for path in predictions:
        table = read_cells(path, needs=["predicted"])
        if truth is not None:
            table = _with_truth(table, truth)
        tables.append(table if split is None else _of_split(table, split, path))
    try:
        return join_folds(tables)
    except InputError as error:
        raise InputError(f"{', '.join(map(str, predictions))}: {error}") from None


def _folds_summary(folds: "FoldScores") -> dict[str, Any]:
    """Totals as mean and sd, for ``--json``."""
    return {
        "folds": list(folds.names),
        "cells": list(folds.cells),
        **{
            kind: {name: {"mean": value.mean, "sd": value.sd} for name, value in totals.items()}
            for kind, totals in (("strict", folds.strict), ("tolerant", folds.tolerant))
        },
    }


def _with_truth(table: "pl.DataFrame", truth: Path) -> "pl.DataFrame":
    from marrowscope.cells import read_cells
    from marrowscope.evaluation.truth_labels import add_labels

    try:
        return add_labels(table, read_cells(truth, needs=["label"]))
    except InputError as error:
        message = str(error)
        raise InputError(
            message if message.startswith(str(truth)) else f"{truth}: {message}"
        ) from None


def _of_split(table: "pl.DataFrame", split: str, path: Path) -> "pl.DataFrame":
    import polars as pl

    if "split" not in table.columns:
        raise InputError(
            f"{path}: has no column split; leave --split out or evaluate a split table"
        )
    rows = table.filter(pl.col("split") == split)
    if rows.height == 0:
        there = sorted(set(table["split"].drop_nulls().to_list()))
        raise InputError(
            f"--split {split}: {path} has only {', '.join(there) or 'no split at all'}"
        )
    return rows


def _printable(text: str) -> Text:
    """As plain text: names of users neither style nor steer the terminal."""
    return Text("".join(sign if sign.isprintable() else "·" for sign in text))


def _facts(bundle: str) -> dict[str, Any]:
    """What a card says, in words for the report."""
    from marrowscope.models.bundle import load_bundle

    card = load_bundle(bundle).card
    images = card.data.get("images", {})
    return {
        "model": f"{card.name} ({card.architecture})",
        "knows": " ".join(card.known),
        "recipe": card.recipe.get("name", "not stated"),
        "trained on": ", ".join(f"{code} {count}" for code, count in images.items()),
        "synthetic training data": "yes" if card.data.get("synthetic") else "no",
        "split": card.split.get("method", "not stated"),
        "views per image": card.views,
        "weights": card.weights_sha256[:16],
        "licence": card.licence,
        "intended use": card.intended_use,
    }
