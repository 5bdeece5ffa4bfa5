"""Command evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from marrowscope.cli.app import console, emit_json
from marrowscope.cli.evaluate_external import evaluate_external
from marrowscope.cli.lazy_group import say_renamed
from marrowscope.cli.options import JSON, Bootstrap, FolderOutput, PixelSize, Seed, Tolerated
from marrowscope.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from marrowscope.evaluation.evaluation_result import FoldScores


def evaluate(
    predictions: Annotated[
        list[Path],
        typer.Argument(
            metavar="PREDICTIONS",
            help="Tables with predictions and labels; several tables are folds.",
        ),
    ],
    output: FolderOutput,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Cell table with the labels, matched by cell_id or else by path; or GeoJSON or "
            "other boxes, matched by place."
        ),
    ] = None,
    synonyms: Annotated[
        Path | None,
        typer.Option(help="With boxes in --truth: YAML or CSV that maps their names to codes."),
    ] = None,
    tolerated: Tolerated = None,
    model: Annotated[
        str | None, typer.Option(help="Shipped model or bundle folder to describe in the report.")
    ] = None,
    bundle: Annotated[str | None, typer.Option(hidden=True)] = None,
    split: Annotated[
        str | None, typer.Option(help="Score only cells of this split, such as test.")
    ] = None,
    external: Annotated[
        Path | None,
        typer.Option(
            help="YAML or CSV: class of another scheme → compatible classes, to score such labels."
        ),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(help="With --external: cells below this confidence are not called."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="With --external: cell table of the training data, to report the shift from it."
        ),
    ] = None,
    microns_per_pixel: PixelSize = None,
    bootstrap: Bootstrap = 2000,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Score predictions strictly and tolerantly, with intervals; write an HTML report.

    The published scores stand beside them. Several folds also give mean and standard deviation.

    With `--external`, the labels are of another class scheme: the report gives agreement by class
    and lineage, no-calls, and how far the images are from the training data. `--min-confidence`,
    `--reference` and `--microns-per-pixel` work only with it.

    Example: `marrowscope evaluate run/predictions.parquet --model run/bundle -o report`
    """
    from marrowscope.api.model_evaluation import card_facts
    from marrowscope.evaluation.evaluate_predictions import evaluate as evaluate_table
    from marrowscope.models.bundle import load_bundle
    from marrowscope.morphology import TOLERATED, load_tolerated
    from marrowscope.report.evaluation_page import require_evaluation_folder, write_report

    if bundle is not None:
        say_renamed("evaluate --bundle", "'evaluate --model'")
        model = model or bundle
    named = ", ".join(str(path) for path in predictions)
    if synonyms is not None and (truth is None or not _is_boxes(truth)):
        raise InputError(f"--synonyms {synonyms}: works only with --truth that holds boxes")
    if external is not None:
        evaluate_external(
            _joined(predictions, truth, split, synonyms), named, output, external, min_confidence,
            reference, model, microns_per_pixel, seed, json,
        )  # fmt: skip
        return
    _refuse_alone(min_confidence, reference, microns_per_pixel)
    require_evaluation_folder(output)
    table = _joined(predictions, truth, split, synonyms)
    pairs = TOLERATED if tolerated is None else load_tolerated(tolerated)
    facts = {} if model is None else card_facts(load_bundle(model).card)
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


def _joined(
    predictions: list[Path], truth: Path | None, split: str | None, synonyms: Path | None
) -> "pl.DataFrame":
    from marrowscope.cells import read_cells
    from marrowscope.evaluation.fold_scores import join_folds

    tables = []
    for path in predictions:
        if truth is not None and _is_boxes(truth):
            # By place: the cells of a count have no files of their own.
            table = read_cells(path, needs=["predicted", "x", "y"], required=["cell_id"])
            table = _with_placed_truth(table, truth, synonyms)
        else:
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


def _is_boxes(truth: Path) -> bool:
    """Whether labels stand in a file or folder of boxes, not in a cell table."""
    return truth.is_dir() or truth.suffix.lower() not in (".parquet", ".csv")


def _with_placed_truth(table: "pl.DataFrame", truth: Path, synonyms: Path | None) -> "pl.DataFrame":
    import polars as pl

    from marrowscope.exchange.class_names import load_synonyms
    from marrowscope.exchange.position_truth import truth_from_boxes

    names = load_synonyms(synonyms) if synonyms is not None else {}
    matched = truth_from_boxes(table, truth, names)
    for line in matched.sentences():
        console.print(_printable(f"! {line}"), style="yellow", soft_wrap=True)
    found = matched.table
    return found if "path" in found.columns else found.with_columns(path=pl.lit(None, pl.String))


def _with_truth(table: "pl.DataFrame", truth: Path) -> "pl.DataFrame":
    from marrowscope.cells import read_cells
    from marrowscope.evaluation.truth_labels import add_labels

    labels = read_cells(truth, needs=["label"])
    try:
        return add_labels(table, labels)
    except InputError as error:
        raise InputError(f"{truth}: {error}") from None


def _of_split(table: "pl.DataFrame", split: str, path: Path) -> "pl.DataFrame":
    import polars as pl

    if "split" not in table.columns:
        raise InputError(
            f"{path}: has no column split; leave --split out or evaluate a split table"
        )
    rows = table.filter(pl.col("split") == split)
    if rows.height == 0:
        there = sorted(set(table["split"].drop_nulls().to_list()))
        raise InputError(f"--split {split}: {path} has only {', '.join(there) or 'empty splits'}")
    return rows


def _printable(text: str) -> Text:
    """Plain text: names that users gave neither style nor control the terminal."""
    return Text("".join(sign if sign.isprintable() else "·" for sign in text))
