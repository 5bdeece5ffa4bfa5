"""Evaluation and predictions → a folder with one self-contained page and the data behind it."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure
from numpy.typing import NDArray

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.cell_pixels import cell_of, read_cell_pixels
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluation_result import Confusion, Evaluation, FoldStatistics
from marrowscope.io.atomic import replacing, replacing_folder
from marrowscope.io.folder_guards import require_only
from marrowscope.io.json_data import finite, json_text
from marrowscope.preprocessing import resize
from marrowscope.report.evaluation_figures import (
    confusion_figure,
    per_class_figure,
    reliability_figure,
)
from marrowscope.report.html import figure_uri, image_uri, page_environment
from marrowscope.report.laboratory_tables import class_by_laboratory_table, laboratory_table
from marrowscope.scoring import Estimate

CONFUSIONS_SHOWN = 8
EXAMPLES_SHOWN = 8
THUMBNAIL = 112  # px

_FIGURES = ("confusion", "per_class", "reliability")
_OWN = {f"{name}.png" for name in _FIGURES} | {
    "report.html",
    "metrics.json",
    "per_class.csv",
    "confusion.csv",
    "laboratories.csv",
    "per_class_laboratory.csv",
}

TOTAL_NAMES = {
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "weighted_f1": "weighted F1",
}


def write_report(
    result: Evaluation,
    predictions: pl.DataFrame,
    folder: Path,
    title: str,
    provenance: dict[str, Any] | None = None,
) -> None:
    """Write report.html, metrics.json, per_class.csv, confusion.csv and figures, in one rename.

    Of several laboratories also laboratories.csv and per_class_laboratory.csv.

    Args:
        result: of ``evaluate``.
        predictions: the evaluated table, from which example cells are taken.
        folder: new, empty, or an earlier report, which is replaced as a whole.
        title: of the page.
        provenance: facts about model and data to show, as plain data.

    Raises:
        InputError: the folder cannot be written, or holds anything but an earlier report.
    """
    require_evaluation_folder(folder)
    figures = _figures(result)
    with replacing_folder(folder) as place:
        for name, figure in figures.items():
            figure.savefig(place / f"{name}.png", dpi=150)
        page = render_evaluation(result, predictions, figures, title, provenance or {})
        # A title may name a file whose name is not valid text; marks replace the odd bytes.
        (place / "report.html").write_text(page, encoding="utf-8", errors="replace")
        (place / "metrics.json").write_text(json_text(metrics_dict(result)), encoding="utf-8")
        per_class_table(result).write_csv(place / "per_class.csv")
        confusion_table(result.codes, result.matrix).write_csv(place / "confusion.csv")
        if result.laboratories:
            laboratory_table(result).write_csv(place / "laboratories.csv")
            class_by_laboratory_table(result).write_csv(place / "per_class_laboratory.csv")


def write_page(
    result: Evaluation,
    predictions: pl.DataFrame,
    path: Path,
    title: str,
    provenance: dict[str, Any] | None = None,
) -> Path:
    """Write the page alone, with all that it shows inside; see ``write_report``.

    Raises:
        InputError: it cannot be written.
    """
    page = render_evaluation(result, predictions, _figures(result), title, provenance or {})
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return path


def _figures(result: Evaluation) -> dict[str, Figure]:
    drawings = (confusion_figure, per_class_figure, reliability_figure)
    return {name: draw(result) for name, draw in zip(_FIGURES, drawings, strict=True)}


def require_evaluation_folder(folder: Path) -> None:
    """Refuse a folder that holds other files: they would be lost when the report replaces it.

    Raises:
        InputError: it does, or it cannot be listed.
    """
    require_only(folder, _OWN, "a report")


def render_evaluation(
    result: Evaluation,
    predictions: pl.DataFrame,
    figures: dict[str, Figure],
    title: str,
    provenance: dict[str, Any],
) -> str:
    """The page as text: no script, no font, no image from anywhere else."""
    environment = page_environment()
    environment.filters["score"] = _score
    environment.filters["spread"] = _spread
    environment.filters["range"] = lambda value: f"{_score(value.low)}–{_score(value.high)}"
    return environment.get_template("evaluation.html").render(
        title=title,
        result=result,
        totals=TOTAL_NAMES,
        figures={name: figure_uri(figure, 140) for name, figure in figures.items()},
        confusions=[
            (confusion, _examples(predictions, confusion))
            for confusion in result.confusions[:CONFUSIONS_SHOWN]
        ],
        provenance=provenance,
        research_use_only=RESEARCH_USE_ONLY,
        version=__version__,
        by_class=[
            (
                code,
                [
                    (one.name, entry)
                    for one in result.laboratories
                    for entry in one.classes
                    if entry.code == code and entry.cells
                ],
            )
            for code in result.codes
        ],
        shown=[entry for entry in result.classes if entry.cells or entry.predicted],
    )


def per_class_table(result: Evaluation) -> pl.DataFrame:
    """One row per class: scores, intervals, published values, mean and sd over folds if any."""
    rows = []
    folds = {entry.code: entry for entry in result.folds.classes} if result.folds else {}
    for entry in result.classes:
        row: dict[str, Any] = {"code": entry.code, "name": entry.name, "cells": entry.cells}
        row["predicted"] = entry.predicted
        for kind in ("strict", "tolerant"):
            for name, value in getattr(entry, kind).items():
                row[f"{kind}_{name}"] = finite(value.value)
                row[f"{kind}_{name}_low"] = finite(value.low)
                row[f"{kind}_{name}_high"] = finite(value.high)
                if name != "f1":
                    published = entry.published or {}
                    row[f"published_{kind}_{name}"] = published.get(f"{kind}_{name}", (None,))[0]
                if entry.code in folds:
                    spread = getattr(folds[entry.code], kind)[name]
                    row[f"{kind}_{name}_fold_mean"] = finite(spread.mean)
                    row[f"{kind}_{name}_fold_sd"] = finite(spread.sd)
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def confusion_table(codes: tuple[str, ...], matrix: NDArray[Any]) -> pl.DataFrame:
    """Counts with the true class in the first column."""
    columns = {code: matrix[:, place] for place, code in enumerate(codes)}
    return pl.DataFrame({"truth": list(codes), **columns})


def _examples(predictions: pl.DataFrame, confusion: Confusion) -> list[dict[str, Any]]:
    """The most confident mistakes of one kind, as pictures; unreadable files are passed over."""
    if "path" not in predictions.columns:
        return []
    rows = predictions.filter(
        pl.col("path").is_not_null()
        & (pl.col("label") == confusion.truth)
        & (pl.col("predicted") == confusion.predicted)
    )
    if "confidence" in rows.columns:
        rows = rows.with_columns(pl.col("confidence").cast(pl.Float64).fill_nan(None))
        rows = rows.sort("confidence", descending=True, nulls_last=True)
    examples = []
    for row in rows.iter_rows(named=True):
        try:
            cell = cell_of(row)
            whole = read_cell_pixels(cell).own
            image = resize(whole, THUMBNAIL, THUMBNAIL)
        except (InputError, ValueError):  # ValueError: a path with a null byte
            continue
        examples.append(
            {
                "uri": image_uri(image, 85),
                "name": Path(row["path"]).name,
                "confidence": row.get("confidence"),
            }
        )
        if len(examples) == EXAMPLES_SHOWN:
            break
    return examples


def metrics_dict(result: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON data; what does not exist is null."""
    data = asdict(result)
    data["matrix"] = result.matrix.tolist()
    if not result.laboratories:
        del data["laboratories"]
    cleaned: dict[str, Any] = finite(data)
    return cleaned


def _score(value: float | Estimate | None) -> str:
    number = value.value if isinstance(value, Estimate) else value
    return "–" if number is None or not math.isfinite(number) else f"{number:.3f}".lstrip("0")


def _spread(spread: FoldStatistics) -> str:
    if not math.isfinite(spread.mean):
        return "–"
    return (
        f"{_score(spread.mean)} ± {_score(spread.sd)}"
        if math.isfinite(spread.sd)
        else _score(spread.mean)
    )
