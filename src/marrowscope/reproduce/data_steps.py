"""Images of the study → sections: data and overlaps, cross-validation, robustness.

Each function does one part in its own folder and returns its section of the report.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import read_cells, usable, write_cells
from marrowscope.dataset.contents import check
from marrowscope.dataset.discovery_rules import discovery_rules
from marrowscope.dataset.indexing import index
from marrowscope.dataset.overlap_screening import screen
from marrowscope.dataset.stain_vectors import with_stains
from marrowscope.errors import InputError
from marrowscope.evaluation.cross_validation import cross_validate
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.evaluation.evaluation_result import TOTALS, Evaluation
from marrowscope.evaluation.fold_training import CrossValidationPlan
from marrowscope.evaluation.study_table import study_table
from marrowscope.io.atomic import replacing
from marrowscope.io.image_encoding import encode_png
from marrowscope.progress import Stage
from marrowscope.report.evaluation_figures import fold_confusions_figure
from marrowscope.report.evaluation_page import write_report
from marrowscope.report.overlap_sheet import overlap_sheet
from marrowscope.report.study_page import Section, SectionFigure, Table
from marrowscope.scoring import Estimate
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.recipe import Recipe

PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True)
class Study:
    """What is reproduced, and how.

    Attributes:
        data: images as published, any subset of the classes.
        folder: of the report.
        models: names for ``train``; the first is explained, embedded and calibrated.
        recipe: of the networks.
        folds: of the cross-validation.
        holdout: share held out in the check of robustness; None leaves it out.
        seed: of splits and trainings.
        device: as for ``train``.
        external: images of another set and mapping of their classes; None without.
        laboratory_from: rule by which paths hold the laboratory; None: a list says it, or nothing.
    """

    data: Path
    folder: Path
    models: tuple[str, ...]
    recipe: Recipe
    folds: int = 5
    holdout: float | None = 0.3
    seed: int = 0
    device: str = "auto"
    external: tuple[Path, Path] | None = None
    laboratory_from: str | None = None

    @property
    def cells(self) -> Path:
        """Cell table with stain vectors, without overlapping images."""
        return self.folder / "cells.parquet"

    def cross(self, model: str) -> Path:
        """Folder of a model's cross-validation."""
        return self.folder / f"crossval-{model}"


def data(study: Study, stage: Stage) -> Section:
    """Index the images, count them beside the published numbers, screen for overlaps."""
    table = index(
        [study.data],
        study.folder / "index.parquet",
        advance=stage("indexing"),
        rules=discovery_rules(laboratory_from=study.laboratory_from),
    )
    found = check(table)
    if not found.usable - found.unlabelled:
        raise InputError(f"{study.data}: no labelled image that can be read; name the data set")
    screened = screen(table, study.folder / "landmarks", stage("screening for overlaps"))
    write_cells(with_stains(screened.table, stage("stain vectors")), study.cells)
    pictures: tuple[SectionFigure, ...] = ()
    if screened.pairs.height:
        sheet = overlap_sheet(screened.table, screened.pairs)
        with replacing(study.folder / "overlaps.png") as temporary:
            temporary.write_bytes(encode_png(sheet))
        pictures = (
            SectionFigure("Pairs of images that show parts of the same field", "overlaps.png"),
        )
    rows = tuple(
        (
            one.code,
            one.name,
            f"{one.images:,}",
            "" if one.published is None else f"{one.published:,}",
            one.remark,
        )
        for one in found.classes
    )
    dropped = table.height - usable(screened.table).height - len(found.bad)
    return Section(
        "Data",
        "materials",
        (
            f"{found.rows:,} images, {found.usable:,} usable, {len(found.bad)} not.",
            f"{screened.pairs.height} pairs of images overlap; {dropped} images were left out, so "
            "that no image of one part of a split shows what another shows.",
            *found.warnings,
        ),
        (
            Table("Images per class", ("class", "name", "here", "published", "remark"), rows),
            *_laboratory_counts(found.laboratories),
        ),
        pictures,
        links=(("cell table", "cells.parquet"),),
    )


def cross_validated(study: Study, model: str, stage: Stage) -> Section:
    """Train one network per fold; Table 1 and Figure 2."""
    plan = CrossValidationPlan(model, study.recipe, study.folds, None, study.seed)
    folder = study.cross(model)
    result = _train(study, plan, folder, stage)
    scored, rows = _scored(result, folder, f"{study.folds}-fold cross-validation of {model}")
    figure = fold_confusions_figure(result, scored.codes)
    save_figure(figure, folder / "folds.png")
    name = folder.name
    return Section(
        f"Cross-validation: {model}",
        "Table 1, Figure 2",
        _totals_lines(rows),
        (_table_one_sheet(rows), *_laboratory_sheet(scored)),
        (
            SectionFigure(
                "Confusion of all held-out cells, rows sum to 1", f"{name}/report/confusion.png"
            ),
            SectionFigure("The same fold by fold", f"{name}/folds.png"),
        ),
        _absent(scored),
        (("report", f"{name}/report/report.html"), ("predictions", f"{name}/{PREDICTIONS}")),
    )


def robustness(study: Study, model: str, stage: Stage) -> Section:
    """The check with 70 % of the images in training."""
    plan = CrossValidationPlan(model, study.recipe, 1, study.holdout, study.seed)
    folder = study.folder / f"holdout-{model}"
    result = _train(study, plan, folder, stage)
    scored, rows = _scored(result, folder, f"hold-out of {study.holdout:g}, {model}")
    folds = read_cells(study.cross(model) / PREDICTIONS)
    total = study_table(evaluate(folds, seed=study.seed)).filter(pl.col("class") == "macro_f1")
    over = _spread(total.row(0, named=True), "strict_total")
    lines = [
        f"With {1 - (study.holdout or 0):.0%} of the images in training, {model} reaches strict "
        f"macro-F1 {scored.strict['macro_f1'].value:.3f} "
        f"({scored.strict['macro_f1'].low:.3f}–{scored.strict['macro_f1'].high:.3f}) on the rest; "
        f"the {study.folds}-fold cross-validation {over} (mean ± sd over folds). The study found "
        "little difference between the two, with ResNeXt-50 and 21 classes."
    ]
    return Section(
        f"Robustness: {model} with fewer training images",
        "70/30 check",
        tuple(lines),
        (
            _table_one_sheet(rows, "of the one hold-out; study: mean ± sd over folds"),
            *_laboratory_sheet(scored),
        ),
        (),
        _absent(scored),
        (("report", f"{folder.name}/report/report.html"),),
    )


def _train(study: Study, plan: CrossValidationPlan, folder: Path, stage: Stage) -> pl.DataFrame:
    def watch(name: str) -> TrainingHooks:
        title = f"{folder.name} {name}"
        return TrainingHooks(
            stage(f"{title}: stain vectors"),
            stage(f"{title}: reading images"),
            stage(f"{title}: training"),
        )

    table, store = read_cells(study.cells), study.cells.with_suffix(".store")
    return cross_validate(
        table, plan, folder, device=study.device, store=store, hooks=watch
    ).predictions


def _scored(predictions: pl.DataFrame, folder: Path, title: str) -> tuple[Evaluation, pl.DataFrame]:
    scored = evaluate(predictions)
    write_report(scored, predictions, folder / "report", title, {"protocol": title})
    rows = study_table(scored)
    with replacing(folder / "table1.csv") as temporary:
        rows.write_csv(temporary)
    return scored, rows


def _totals_lines(rows: pl.DataFrame) -> tuple[str, ...]:
    lines = []
    for row in rows.filter(pl.col("class").is_in(list(TOTALS))).iter_rows(named=True):
        published = row["strict_total_published"], row["tolerant_total_published"]
        beside = (
            ""
            if published[0] is None
            else (f"; study, 21 classes: {published[0]:.3f} and {published[1]:.3f}")
        )
        lines.append(
            f"{row['name']!s}: strict {_spread(row, 'strict_total')}, tolerant "
            f"{_spread(row, 'tolerant_total')} (mean ± sd over folds{beside})."
        )
    return tuple(lines)


def _table_one_sheet(rows: pl.DataFrame, what: str = "mean ± sd over folds") -> Table:
    columns = ("strict_precision", "strict_recall", "tolerant_precision", "tolerant_recall")
    body = []
    for row in rows.filter(~pl.col("class").is_in(list(TOTALS))).iter_rows(named=True):
        cells = [f"{row['class']} {row['name']}", f"{row['images']:,}"]
        for column in columns:
            cells += [_spread(row, column), _published(row, column)]
        body.append(tuple(cells))
    head = ["class", "images"]
    for column in ("strict P", "strict R", "tolerant P", "tolerant R"):
        head += [column, "study"]
    return Table(f"Precision (P) and recall (R), {what}", tuple(head), tuple(body))


def _laboratory_counts(counts: dict[str, dict[str, int]]) -> tuple[Table, ...]:
    """Class × laboratory, where laboratories are named."""
    if not counts:
        return ()
    names = list(next(iter(counts.values())))
    body = tuple(
        (code, *(f"{row[name]:,}" if row[name] else "–" for name in names))
        for code, row in counts.items()
    )
    head = ("class", *(name or "not named" for name in names))
    return (Table("Images per class and laboratory", head, body),)


def _laboratory_sheet(scored: Evaluation) -> tuple[Table, ...]:
    """Macro-F1 of each laboratory, where there are several."""
    if not scored.laboratories:
        return ()
    body = tuple(
        (
            one.name or "not named",
            f"{one.cells:,}",
            _interval(one.strict["macro_f1"]),
            _interval(one.tolerant["macro_f1"]),
        )
        for one in scored.laboratories
    )
    head = ("laboratory", "images", "strict macro-F1", "tolerant macro-F1")
    return (Table("By laboratory, with 95 % intervals", head, body),)


def _interval(value: Estimate) -> str:
    return f"{value.value:.3f} ({value.low:.3f}–{value.high:.3f})"


def _spread(row: dict[str, Any], name: str) -> str:
    return mean_sd_text(row[f"{name}_mean"], row[f"{name}_sd"])


def _published(row: dict[str, Any], name: str) -> str:
    mean, sd = row.get(f"{name}_published"), row.get(f"{name}_published_sd")
    return "" if mean is None else mean_sd_text(mean, sd)


def mean_sd_text(mean: float | None, sd: float | None = None) -> str:
    """Mean ± sd with two decimals; a dash where there is none."""
    if mean is None:
        return "–"
    return f"{mean:.2f}" + ("" if sd is None else f" ± {sd:.2f}")


def _absent(scored: Evaluation) -> tuple[str, ...]:
    from marrowscope.morphology import CODES

    present = {one.code for one in scored.classes if one.cells}
    absent = [code for code in CODES if code not in present]
    if not absent:
        return ()
    return (
        f"{len(absent)} of the 21 classes have no image here ({' '.join(absent)}), so their rows "
        "are missing, and the totals are of an easier task than the study's.",
    )


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
