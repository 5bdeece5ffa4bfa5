"""Predictions with labels come in, scores with intervals and a report come out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.api.arguments import (
    AnyPath,
    Cells,
    Tolerated,
    optional_path,
    tolerated_pairs,
)
from marrowscope.api.classifier import Model, as_bundle
from marrowscope.api.labelled_predictions import labelled_predictions
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate as evaluate_table
from marrowscope.evaluation.evaluation_result import PER_CLASS, Evaluation, LaboratoryScores
from marrowscope.models.card import Card
from marrowscope.report.evaluation_page import (
    TOTAL_NAMES,
    metrics_dict,
    per_class_table,
    require_evaluation_folder,
    write_page,
    write_report,
)
from marrowscope.report.laboratory_tables import laboratory_table, laboratory_totals
from marrowscope.report.notebook_html import NotebookTable, notebook_html
from marrowscope.scoring import Estimate


@dataclass(frozen=True)
class EvaluationResult:
    """How well a model did; shows itself as a table in a notebook.

    Attributes:
        scores: totals, classes, confusions, calibration, folds.
        predictions: the evaluated table.
        title: of the report.
        facts: about the model, for the report.
        remarks: what became of labels that were matched by place.
    """

    scores: Evaluation
    predictions: pl.DataFrame
    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def table(self) -> pl.DataFrame:
        """One row per class: strict and tolerant precision, recall, F1, and their intervals."""
        return per_class_table(self.scores)

    @property
    def by_laboratory(self) -> pl.DataFrame:
        """One row per laboratory, where there are several: cells, totals and their intervals."""
        return laboratory_table(self.scores)

    @property
    def laboratory_totals(self) -> dict[str, dict[str, Any]]:
        """``cells``, and ``strict`` and ``tolerant`` totals by name, of each laboratory."""
        return laboratory_totals(self.scores)

    @property
    def strict(self) -> dict[str, Estimate]:
        """Totals by name, such as ``macro_f1``: ``.value``, ``.low`` and ``.high``."""
        return self.scores.strict

    @property
    def tolerant(self) -> dict[str, Estimate]:
        """The same where tolerated confusions count as right."""
        return self.scores.tolerant

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside the numbers."""
        return self.scores.warnings

    def to_dict(self) -> dict[str, Any]:
        """Everything as data for JSON; ``metrics.json`` of a report."""
        return metrics_dict(self.scores)

    def to_html(self, path: AnyPath) -> Path:
        """Write the report as one page that needs no other file.

        Raises:
            InputError: it cannot be written.
        """
        return write_page(self.scores, self.predictions, Path(path), self.title, self.facts)

    def save(self, folder: AnyPath) -> Path:
        """Write the report as a folder: page, data, tables, figures.

        Returns:
            The page.

        Raises:
            InputError: the folder holds something else or cannot be written.
        """
        write_report(self.scores, self.predictions, Path(folder), self.title, self.facts)
        return Path(folder) / "report.html"

    def __repr__(self) -> str:
        cells, score = self.scores.counts["evaluated"], self.strict["macro_f1"]
        return (
            f"<evaluation of {cells} cells: macro-F1 {score.value:.3f} "
            f"({score.low:.3f} to {score.high:.3f})>"
        )

    def _repr_html_(self) -> str:
        totals = NotebookTable(
            ("", "strict (95 % interval)", "tolerant (95 % interval)"),
            tuple(
                ("", words, (_text(self.strict[name]), _text(self.tolerant[name])))
                for name, words in TOTAL_NAMES.items()
            ),
        )
        classes = NotebookTable(
            ("class", "cells", "precision (95 % interval)", "recall (95 % interval)"),
            tuple(
                (
                    "class",
                    entry.name,
                    (f"{entry.cells:,}", *(_text(entry.strict[one]) for one in PER_CLASS[:2])),
                )
                for entry in self.scores.classes
                if entry.cells or entry.predicted
            ),
        )
        tables = [totals, classes]
        if self.scores.laboratories:
            head = ("laboratory", "cells", "macro-F1, strict (95 % interval)", "tolerant")
            tables.insert(1, NotebookTable(head, tuple(map(_laboratory, self.scores.laboratories))))
        title = f"{self.title}: {self.scores.counts['evaluated']:,} cells"
        return notebook_html(title, tables, self.warnings)


def evaluate(
    predictions: Cells | Sequence[Cells],
    truth: Cells | None = None,
    *,
    model: Model | AnyPath | None = None,
    split: str | None = None,
    tolerated: Tolerated | None = None,
    synonyms: AnyPath | None = None,
    resamples: int = 2000,
    seed: int = 0,
    output: AnyPath | None = None,
) -> EvaluationResult:
    """Score predictions, strictly and with tolerance for neighbouring classes.

    Args:
        predictions: table with ``predicted`` and ``p_<CODE>``, or several, which are folds.
        truth: table with the labels, matched by ``cell_id``, else by ``path``; or GeoJSON, COCO,
            YOLO or VOC boxes, matched by place; None: the predictions have labels.
        model: to say in the report what it was trained on.
        split: score only cells with this split, such as ``test``.
        tolerated: pairs of classes that count as right in the tolerant scores, or a YAML list of
            them; None: those of the study.
        synonyms: YAML or CSV, names of boxes → class codes.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        output: folder for the report, looked at before and written after.

    Raises:
        InputError: no labels, no predictions, or no row that has both.
    """
    folder = optional_path(output)
    if folder is not None:
        require_evaluation_folder(folder)
    given = labelled_predictions(predictions, truth, split, synonyms)
    pairs = tolerated_pairs(tolerated)
    facts = {} if model is None else card_facts(as_bundle(model).card)
    try:
        scores = evaluate_table(given.table, pairs, resamples, seed)
    except InputError as error:
        raise InputError(f"{given.files}: {error}" if given.files else str(error)) from None
    result = EvaluationResult(
        scores, given.table, f"Evaluation of {given.title}", facts, given.remarks
    )
    if folder is not None:
        result.save(folder)
    return result


def card_facts(card: Card) -> dict[str, Any]:
    """What a card says, in words for the report."""
    images = card.data.get("images", {})
    laboratories = card.data.get("laboratories", {})
    return {
        "model": f"{card.name} ({card.architecture})",
        "knows": " ".join(card.known),
        "recipe": card.recipe.get("name", "not stated"),
        "trained on": ", ".join(f"{code} {count}" for code, count in images.items()),
        **{
            f"of laboratory {name or 'not named'}": ", ".join(f"{c} {n}" for c, n in counts.items())
            for name, counts in laboratories.items()
            if isinstance(counts, dict)
        },
        "synthetic training data": "yes" if card.data.get("synthetic") else "no",
        "split": card.split.get("method", "not stated"),
        "views per image": card.views,
        "weights": card.weights_sha256[:16],
        "licence": card.licence,
        "intended use": card.intended_use,
    }


def _laboratory(one: LaboratoryScores) -> tuple[str, str, tuple[str, ...]]:
    scores = (_text(one.strict["macro_f1"]), _text(one.tolerant["macro_f1"]))
    return "laboratory", one.name or "not named", (f"{one.cells:,}", *scores)


def _text(value: Estimate) -> str:
    if value.value != value.value:  # nan: there is no such cell
        return "–"
    return f"{value.value:.3f} ({value.low:.3f}–{value.high:.3f})"
