"""Command evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from marrowscope.cli.app import console, emit_json, print_remark, printable
from marrowscope.cli.evaluate_external import print_external
from marrowscope.cli.laboratory_lines import print_laboratories
from marrowscope.cli.lazy_group import say_renamed
from marrowscope.cli.options import JSON, Bootstrap, FolderOutput, PixelSize, Seed, Tolerated
from marrowscope.errors import InputError

if TYPE_CHECKING:
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
    resamples: Bootstrap = 2000,
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
    import marrowscope as ms

    if bundle is not None:
        say_renamed("evaluate --bundle", "'evaluate --model'")
        model = model or bundle
    if external is not None:
        with console.status("scoring"):
            judged = ms.evaluate_external(
                predictions,
                external,
                truth,
                min_confidence=min_confidence,
                reference=reference,
                model=model,
                microns_per_pixel=microns_per_pixel,
                split=split,
                synonyms=synonyms,
                seed=seed,
                output=output,
            )
        page = output / "report.html"
        if json:
            emit_json({"output": str(output), "report": str(page), **judged.to_dict()})
        _print_remarks(judged.remarks)
        print_external(judged)
        console.print(f"→ {page}", markup=False, soft_wrap=True)
        return
    _refuse_alone(min_confidence, reference, microns_per_pixel)
    with console.status("scoring"):
        evaluated = ms.evaluate(
            predictions,
            truth,
            model=model,
            split=split,
            tolerated=tolerated,
            synonyms=synonyms,
            resamples=resamples,
            seed=seed,
            output=output,
        )
    result = evaluated.scores
    if json:
        emit_json(
            {
                "report": str(output / "report.html"),
                "cells": result.counts["evaluated"],
                "strict": {name: value.value for name, value in result.strict.items()},
                "tolerant": {name: value.value for name, value in result.tolerant.items()},
                "folds": None if result.folds is None else _folds_summary(result.folds),
                **({"laboratories": evaluated.laboratory_totals} if result.laboratories else {}),
                "warnings": list(result.warnings),
            }
        )
    _print_remarks(evaluated.remarks)
    shown = Table(
        "class",
        "cells",
        "precision",
        "recall",
        "tolerant P",
        "tolerant R",
        box=None,
        pad_edge=False,
    )
    for entry in result.classes:
        if entry.cells:
            values = (
                entry.strict["precision"],
                entry.strict["recall"],
                entry.tolerant["precision"],
                entry.tolerant["recall"],
            )
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
    print_laboratories(result)
    for warning in result.warnings:
        print_remark(warning)
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


def _print_remarks(remarks: tuple[str, ...]) -> None:
    for line in remarks:
        print_remark(line)


def _printable(text: str) -> Text:
    """Plain text: names that users gave neither style nor control the terminal."""
    return Text(printable(text))
