"""Predictions of several models for the same cells come in; which is better comes out."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.api.arguments import (
    AnyPath,
    Cells,
    Tolerated,
    as_table,
    class_codes,
    tolerated_pairs,
)
from marrowscope.cells import read_cells
from marrowscope.errors import InputError
from marrowscope.evaluation.model_comparison import Comparison, PairwiseTest
from marrowscope.evaluation.model_comparison import compare as compare_tables
from marrowscope.extras import require_extra
from marrowscope.io.atomic import replacing
from marrowscope.io.json_data import finite, json_text
from marrowscope.report.notebook_html import NotebookTable, notebook_html

_PREDICTIONS, _NEEDED = "predictions.parquet", ("label", "predicted")
_WITHOUT_FOLDS = "without folds, chance in the cells is tested, but not chance in the training"


@dataclass(frozen=True)
class ComparisonResult:
    """Recall per class of several models, and whether one is better; shows itself in a notebook.

    Attributes:
        comparison: everything that was computed.
        classes: in the figure; None: all.
        resamples, seed: of the bootstrap.
    """

    comparison: Comparison
    classes: tuple[str, ...] | None
    resamples: int
    seed: int

    @property
    def table(self) -> pl.DataFrame:
        """One row per model, class and kind of scoring: ``cells``, ``mean``, ``sd`` of recall."""
        return self.comparison.recalls.drop("values")

    @property
    def tests(self) -> pl.DataFrame:
        """Recall of every pair of models, one row per class and kind of scoring."""
        return self.comparison.tests

    @property
    def by_laboratory(self) -> pl.DataFrame:
        """Totals of every model on the cells of each laboratory, where there are several."""
        return self.comparison.laboratories

    @property
    def sentences(self) -> tuple[str, ...]:
        """Who is better in macro-F1, in words; then scores by laboratory, of several."""
        tests = (test.sentence() for test in self.comparison.pairwise_tests)
        return (*tests, *_laboratory_sentences(self.by_laboratory))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside them."""
        return () if self.comparison.folds else (_WITHOUT_FOLDS,)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the recalls as data for JSON; ``compare.json`` of a report."""
        found = self.comparison
        drawn = {"resamples": self.resamples, "seed": self.seed, "unit": found.unit}
        return {
            "models": list(found.models),
            "cells": found.cells,
            "folds": list(found.folds),
            "bootstrap": drawn,
            "macro_f1": [_plain(test) for test in found.pairwise_tests],
            **(
                {"laboratories": self.by_laboratory.to_dicts()} if self.by_laboratory.height else {}
            ),
            "sentences": list(self.sentences),
        }

    def save(self, folder: AnyPath) -> Path:
        """Write figure, tables and data into a folder.

        Returns:
            The figure.

        Raises:
            InputError: it cannot be written.
        """
        from marrowscope.report.comparison_figure import comparison_figure

        place = Path(folder)
        figure = comparison_figure(self.comparison, self.classes)
        with replacing(place / "compare.png") as temporary:
            figure.savefig(temporary, dpi=150)
        with replacing(place / "recall.csv") as temporary:
            self.table.write_csv(temporary)
        with replacing(place / "recall_tests.csv") as temporary:
            self.tests.with_columns(pl.col(pl.Float64).fill_nan(None)).write_csv(temporary)
        if self.by_laboratory.height:
            with replacing(place / "laboratories.csv") as temporary:
                self.by_laboratory.write_csv(temporary)
        else:
            (place / "laboratories.csv").unlink(missing_ok=True)  # of an earlier comparison
        with replacing(place / "compare.json") as temporary:
            temporary.write_text(json_text(self.to_dict()), encoding="utf-8")
        return place / "compare.png"

    def __repr__(self) -> str:
        return f"<comparison of {', '.join(self.comparison.models)}: {self.comparison.cells} cells>"

    def _repr_html_(self) -> str:
        rows = tuple(
            ("", row["model"], (row["class"], row["kind"], str(row["cells"]), f"{row['mean']:.3f}"))
            for row in self.table.iter_rows(named=True)
        )
        table = NotebookTable(("model", "class", "scoring", "cells", "recall"), rows)
        title = f"{', '.join(self.comparison.models)}: {self.comparison.cells:,} cells"
        return notebook_html(title, [table], (*self.sentences, *self.warnings))


def _laboratory_sentences(rows: pl.DataFrame) -> list[str]:
    """Strict macro-F1 of every model, a sentence for each laboratory."""
    found: dict[tuple[str, int], list[str]] = {}
    for row in rows.iter_rows(named=True):
        if row["kind"] == "strict":
            key = row["laboratory"] or "not named", row["cells"]
            found.setdefault(key, []).append(f"{row['model']} {row['macro_f1']:.3f}")
    return [
        f"Laboratory {name}, {cells} cells, strict macro-F1: {', '.join(models)}."
        for (name, cells), models in found.items()
    ]


def compare(
    models: Mapping[str, Cells] | Sequence[AnyPath],
    output: AnyPath | None = None,
    *,
    classes: Sequence[str] | str | None = None,
    tolerated: Tolerated | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> ComparisonResult:
    """Compare models on the same cells and folds: recall per class, and whether one is better.

    Better means that macro-F1 differs in a test over folds (corrected resampled t-test) and in one
    over cells (paired bootstrap), both with Holm's correction.

    Args:
        models: by name, predictions of the same labelled cells: a table, its file, or the folder of
            a run or cross-validation; or a list of these paths, of which ``NAME=PATH`` has a name.
        output: folder for figure, tables and data.
        classes: in the figure, codes in a list or joined by commas; None: all.
        tolerated: as for ``evaluate``.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: fewer than two models, other cells, labels or folds, or the extra is missing.
    """
    require_extra("analysis", "comparing models")
    pairs = tolerated_pairs(tolerated)
    found = compare_tables(_tables(models), pairs, resamples, seed)
    chosen = class_codes(classes)
    unknown = [code for code in chosen or () if code not in found.codes]
    if chosen is not None and (unknown or not chosen):
        raise InputError(
            f"`classes` {','.join(chosen)}: {unknown[0] if unknown else 'nothing'} has no cells "
            f"here; choose from {' '.join(found.codes)}"
        )
    result = ComparisonResult(found, chosen, resamples, seed)
    if output is not None:
        result.save(output)
    return result


def _tables(models: Mapping[str, Cells] | Sequence[AnyPath]) -> dict[str, pl.DataFrame]:
    if isinstance(models, Mapping):
        return {
            name: read_cells(_predictions(Path(given)), needs=_NEEDED)
            if isinstance(given, str | os.PathLike)
            else as_table(given, _NEEDED)
            for name, given in models.items()
        }
    tables: dict[str, pl.DataFrame] = {}
    for one in models:
        given = os.fspath(one)
        name, equals, place = given.partition("=")
        if not equals or Path(given).exists():
            name, place = "", given
        path = Path(place)
        if not name:
            own = path.parent if path.is_file() and path.name == _PREDICTIONS else path
            name = own.resolve().name if own.is_dir() else path.stem
        if name in tables:
            raise InputError(f"{given}: there is already a model {name}; write NAME={place}")
        tables[name] = read_cells(_predictions(path), needs=_NEEDED)
    return tables


def _predictions(path: Path) -> Path:
    """The table of predictions, of a run folder the one that it holds."""
    file = path / _PREDICTIONS if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise InputError(f"{path}: holds no {_PREDICTIONS}; is the run finished?")
    return file


def _plain(test: PairwiseTest) -> dict[str, Any]:
    facts = finite(
        {
            "first": test.first,
            "second": test.second,
            "kind": test.kind,
            "p_folds_holm": test.p_folds,
            "p_cells_holm": test.p_cells,
            "better": test.verdict,
        }
    )
    return {**facts, "folds": finite(asdict(test.folds)), "cells": finite(asdict(test.cells))}
