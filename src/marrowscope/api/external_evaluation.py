"""Predictions of another laboratory's cells come in; agreement with its classes comes out."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope._about import __version__
from marrowscope.api.arguments import AnyPath, Cells, as_table, naming
from marrowscope.api.classifier import Model, as_bundle
from marrowscope.api.labelled_predictions import labelled_predictions
from marrowscope.evaluation.class_mapping import load_mapping
from marrowscope.evaluation.domain_shift import DomainShift, measure_domain_shift
from marrowscope.evaluation.external_validation import (
    CountedShare,
    ExternalResult,
)
from marrowscope.evaluation.external_validation import evaluate_external as judge
from marrowscope.extras import install_line, missing_modules
from marrowscope.io.atomic import replacing
from marrowscope.io.json_data import finite, json_text
from marrowscope.report.external_page import external_section
from marrowscope.report.study_page import write_study_page

_FOR_FEATURES = ("torch", "sklearn")


@dataclass(frozen=True)
class ExternalEvaluation:
    """How a model does on a set with another class scheme.

    Attributes:
        result: agreement by class and lineage, no-calls.
        shift: how far the images are from those of the training; None where not measured.
        remarks: what was left out, and what became of labels that were matched by place.
        facts: where it comes from, for the report.
    """

    result: ExternalResult
    shift: DomainShift | None
    remarks: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> pl.DataFrame:
        """One row per external class: no-calls, agreement and lineage, with intervals."""
        rows = []
        for entry in self.result.classes:
            row: dict[str, Any] = {"external": entry.name, "compatible": ";".join(entry.compatible)}
            for name in ("no_calls", "agreement", "lineage"):
                share = _share(getattr(entry, name))
                row |= {f"{name}_{key}": value for key, value in share.items()}
            rows.append(row)
        return pl.DataFrame(rows, infer_schema_length=None)

    @property
    def confusion(self) -> pl.DataFrame:
        """Called cells: one row per external class, one column per class of the model."""
        found = self.result
        columns = {code: found.matrix[:, place] for place, code in enumerate(found.codes)}
        return pl.DataFrame({"external": [entry.name for entry in found.classes], **columns})

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside the numbers."""
        return self.result.warnings

    def to_dict(self) -> dict[str, Any]:
        """Everything as data for JSON; ``external.json`` of a report."""
        found, moved = self.result, self.shift
        return {
            "cells": found.no_calls.cells,
            "unread": found.unread,
            "no_calls": _share(found.no_calls),
            "reasons": found.reasons,
            "agreement": _share(found.agreement),
            "balanced_agreement": finite(found.balanced),
            "lineage_agreement": _share(found.lineage),
            **self._laboratories(),
            "shift": None
            if moved is None
            else {
                "cells": moved.cells,
                "reference": moved.reference,
                "measures": [finite(asdict(entry)) for entry in moved.measures],
                "features": None if moved.features is None else asdict(moved.features),
            },
            "warnings": list(found.warnings),
        }

    def _laboratories(self) -> dict[str, Any]:
        """Of several laboratories: the shares of each."""
        of_each = {
            one.name: {
                "no_calls": _share(one.no_calls),
                "agreement": _share(one.agreement),
                "lineage_agreement": _share(one.lineage),
            }
            for one in self.result.laboratories
        }
        return {"laboratories": of_each} if of_each else {}

    def save(self, folder: AnyPath) -> Path:
        """Write the report as a folder: page, data, tables, figures.

        Returns:
            The page.

        Raises:
            InputError: it cannot be written.
        """
        place = Path(folder)
        section = external_section(self.result, self.shift, place)
        tables = {"external_confusion.csv": self.confusion, "external_classes.csv": self.table}
        if self.shift is not None:
            tables["shift.csv"] = pl.DataFrame([asdict(entry) for entry in self.shift.measures])
        for name, table in tables.items():
            with replacing(place / name) as temporary:
                table.write_csv(temporary)
        with replacing(place / "external.json") as temporary:
            temporary.write_text(json_text(self.to_dict()), encoding="utf-8")
        return write_study_page([section], place, "External validation", self.facts)

    def __repr__(self) -> str:
        agreed = self.result.agreement
        return f"<external evaluation: {agreed.right} of {agreed.cells} called cells agree>"


def evaluate_external(
    predictions: Cells | Sequence[Cells],
    mapping: Mapping[str, Sequence[str]] | AnyPath,
    truth: Cells | None = None,
    *,
    min_confidence: float | None = None,
    reference: Cells | None = None,
    model: Model | AnyPath | None = None,
    microns_per_pixel: float | None = None,
    split: str | None = None,
    synonyms: AnyPath | None = None,
    seed: int = 0,
    output: AnyPath | None = None,
) -> ExternalEvaluation:
    """Score predictions of cells whose labels are of another class scheme.

    Args:
        predictions: as for ``evaluate``, with the external class as label.
        mapping: external class → compatible classes, or a YAML or CSV file of it.
        truth: as for ``evaluate``.
        min_confidence: cells below it are not called, in (0, 1]; None: any is.
        reference: cell table of the training data, to measure the shift from it.
        model: with ``reference``: measures the shift in its features, too.
        microns_per_pixel: of images that do not state it.
        split: score only cells with this split.
        synonyms: as for ``evaluate``.
        seed: of the images that are compared.
        output: folder for the report.

    Raises:
        InputError: a table lacks columns, or the mapping does not fit.
    """
    if isinstance(mapping, str | os.PathLike):
        source, entries = os.fspath(mapping), load_mapping(Path(mapping))
    else:
        source = "`mapping`"
        entries = {name: tuple(codes) for name, codes in mapping.items()}
    given = labelled_predictions(predictions, truth, split, synonyms)
    files = given.files or given.title
    with naming(*([given.files] if given.files else [])):
        result = judge(given.table, entries, source, min_confidence)
    remarks, shift = list(given.remarks), None
    if reference is not None:
        network = None if model is None else as_bundle(model)
        missing = [name for name in missing_modules("analysis") if name in _FOR_FEATURES]
        if network is not None and missing:
            network = None
            remarks.append(
                "how far the network's features moved is not measured without "
                f"{', '.join(missing)}: {install_line('analysis')}"
            )
        base = as_table(reference)
        shift = measure_domain_shift(base, given.table, network, microns_per_pixel, seed=seed)
    facts = {"predictions": files, "mapping": source, "marrowscope": __version__}
    made = ExternalEvaluation(result, shift, tuple(remarks), facts)
    if output is not None:
        made.save(output)
    return made


def _share(share: CountedShare) -> dict[str, Any]:
    return {
        "right": share.right,
        "cells": share.cells,
        "share": finite(share.value),
        "low": share.low,
        "high": share.high,
    }
