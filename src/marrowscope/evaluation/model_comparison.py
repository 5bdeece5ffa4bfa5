"""Predictions of several models for the same cells → recall per class, and who is better.

The study's Figure 3B shows tolerant recall of its key classes for three classifiers with error bars
over folds; here tests stand beside it (``evaluation.paired_tests``), so that "better" means
something.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.evaluation.aligned_predictions import AlignedPredictions, align_predictions
from marrowscope.evaluation.paired_tests import CellTest, FoldTest, cell_test, fold_test, holm
from marrowscope.morphology import TOLERATED
from marrowscope.scoring import confusion_matrix, score, tolerance_matrix

SIGNIFICANCE_LEVEL = 0.05
SCORINGS = ("strict", "tolerant")


@dataclass(frozen=True)
class PairwiseTest:
    """Macro-F1 of two models, one kind of scoring.

    Attributes:
        first, second: names; differences are first minus second.
        kind: ``strict`` or ``tolerant``.
        folds: test over folds; its p is nan without folds.
        cells: test over cells.
        p_folds, p_cells: adjusted by Holm for the pairs of models.
    """

    first: str
    second: str
    kind: str
    folds: FoldTest
    cells: CellTest
    p_folds: float
    p_cells: float

    @property
    def verdict(self) -> str:
        """``yes``, ``no`` or ``undecided``: is ``first`` better than ``second``?

        Both tests must agree (only the one over cells where there are no folds): adjusted p below
        5 % and the same sign.
        """
        tests = [(self.cells.difference, self.p_cells)]
        if not np.isnan(self.p_folds):
            tests.append((self.folds.difference, self.p_folds))
        if any(p >= SIGNIFICANCE_LEVEL for _, p in tests):
            return "undecided"
        if all(difference > 0 for difference, _ in tests):
            return "yes"
        return "no" if all(difference < 0 for difference, _ in tests) else "undecided"

    def sentence(self) -> str:
        """What a person reads."""
        without = np.isnan(self.p_folds)
        over_folds = (
            "no folds to test over"
            if without
            else f"over folds {self.folds.difference:+.3f}, corrected t({self.folds.degrees}) = "
            f"{self.folds.t:.2f}, Holm p = {self.p_folds:.3g}"
        )
        return (
            f"{self.first} is better than {self.second} ({self.kind} macro-F1): {self.verdict}. "
            f"Difference {self.cells.difference:+.3f} (95 % interval over cells "
            f"{self.cells.low:+.3f} to {self.cells.high:+.3f}, Holm p = {self.p_cells:.3g}); "
            f"{over_folds}."
        )


@dataclass(frozen=True)
class Comparison:
    """The whole result.

    Attributes:
        models: names in the order given.
        codes: classes that have cells, in display order.
        cells: number of cells compared.
        folds: names of the folds; empty without.
        recalls: one row per model, class and kind: ``model``, ``class``, ``kind``, ``cells``,
            ``mean`` and ``sd`` over folds (without folds the recall of all cells, and null),
            ``values`` of the folds.
        tests: tolerant and strict recall, one row per pair, class and kind: ``difference``, ``t``,
            ``degrees``, ``p`` and ``p_holm`` (over all pairs and classes of one kind).
        pairwise_tests: macro-F1, one per pair and kind.
        unit: what the bootstrap draws: ``cell``, or the id column.
        laboratories: one row per laboratory, model and kind, where there are several:
            ``laboratory``, ``model``, ``kind``, ``cells``, ``macro_f1``, ``accuracy``.
    """

    models: tuple[str, ...]
    codes: tuple[str, ...]
    cells: int
    folds: tuple[str, ...]
    recalls: pl.DataFrame
    tests: pl.DataFrame
    pairwise_tests: tuple[PairwiseTest, ...]
    unit: str
    laboratories: pl.DataFrame


def compare(
    tables: dict[str, pl.DataFrame],
    tolerated: frozenset[frozenset[str]] = TOLERATED,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two or more models.

    Args:
        tables: by name of the model, predictions of the same labelled cells, with ``cell_id``,
            ``label``, ``predicted`` and, from a cross-validation, ``fold``.
        tolerated: pairs that count as correct in the tolerant scores.
        resamples, seed: of the bootstrap.

    Raises:
        InputError: fewer than two tables, or they hold other cells, labels or folds.
    """
    if len(tables) < 2:
        raise InputError("a comparison needs the predictions of at least two models")
    aligned = align_predictions(tables)
    count = len(aligned.codes)
    correct = {
        "strict": np.eye(count, dtype=bool),
        "tolerant": tolerance_matrix(aligned.codes, tolerated),
    }
    parts = (
        [np.ones(len(aligned.truth), dtype=bool)]
        if aligned.fold is None
        else [aligned.fold == place for place in range(len(aligned.folds))]
    )
    matrices = np.array(
        [
            [confusion_matrix(aligned.truth[part], answer[part], count) for part in parts]
            for answer in aligned.answers
        ]
    )  # (M, F, C, C)
    sizes = np.array([part.sum() for part in parts], dtype=float)
    ratio = float((sizes / np.maximum(sizes.sum() - sizes, 1)).mean())
    names = tuple(tables)
    present = matrices[0].sum(axis=(0, 2)) > 0
    recalls, tests, pairwise = [], [], []
    for kind in SCORINGS:
        scores = score(matrices, correct[kind])
        recalls += _recall_rows(names, aligned, kind, scores.recall, present)
        tests += _class_tests(names, aligned, kind, scores.recall, present, ratio)
        pairwise += _pairwise_tests(
            names, aligned, kind, scores.macro_f1, correct[kind], ratio, resamples, seed
        )
    return Comparison(
        names,
        tuple(code for code, there in zip(aligned.codes, present, strict=True) if there),
        len(aligned.truth),
        aligned.folds,
        pl.DataFrame(recalls, infer_schema_length=None),
        pl.DataFrame(tests, infer_schema_length=None),
        tuple(pairwise),
        aligned.unit,
        _by_laboratory(names, aligned, correct),
    )


def _by_laboratory(
    names: tuple[str, ...], aligned: AlignedPredictions, correct: dict[str, NDArray[np.bool_]]
) -> pl.DataFrame:
    """Totals of every model on the cells of each laboratory; cells that name none come last."""
    owners = np.array(aligned.laboratories)
    rows = []
    for laboratory in sorted(set(aligned.laboratories), key=lambda name: (not name, name)):
        chosen = owners == laboratory
        for model, answer in zip(names, aligned.answers, strict=True):
            matrix = confusion_matrix(aligned.truth[chosen], answer[chosen], len(aligned.codes))
            for kind in SCORINGS:
                scores = score(matrix, correct[kind])
                rows.append(
                    {
                        "laboratory": laboratory or None,
                        "model": model,
                        "kind": kind,
                        "cells": int(chosen.sum()),
                        "macro_f1": float(scores.macro_f1),
                        "accuracy": float(scores.accuracy),
                    }
                )
    return pl.DataFrame(rows, infer_schema_length=None)


def _recall_rows(
    names: tuple[str, ...],
    aligned: AlignedPredictions,
    kind: str,
    recall: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    support = np.bincount(aligned.truth, minlength=len(aligned.codes))
    for model, name in enumerate(names):
        for place in np.flatnonzero(present):
            values = recall[model, :, place]
            there = values[~np.isnan(values)]
            rows.append(
                {
                    "model": name,
                    "class": aligned.codes[place],
                    "kind": kind,
                    "cells": int(support[place]),
                    "mean": float(there.mean()),
                    "sd": float(there.std(ddof=1)) if len(there) > 1 else None,
                    "values": there.tolist(),
                }
            )
    return rows


def _class_tests(
    names: tuple[str, ...],
    aligned: AlignedPredictions,
    kind: str,
    recall: NDArray[np.float64],
    present: NDArray[np.bool_],
    ratio: float,
) -> list[dict[str, object]]:
    keys, results = [], []
    for one, two in combinations(range(len(names)), 2):
        for place in np.flatnonzero(present):
            keys.append((names[one], names[two], aligned.codes[place]))
            results.append(fold_test(recall[one, :, place] - recall[two, :, place], ratio))
    adjusted = holm(np.array([result.p for result in results]))
    return [
        {
            "first": first,
            "second": second,
            "class": code,
            "kind": kind,
            "difference": result.difference,
            "t": result.t,
            "degrees": result.degrees,
            "p": result.p,
            "p_holm": float(p),
        }
        for (first, second, code), result, p in zip(keys, results, adjusted, strict=True)
    ]


def _pairwise_tests(
    names: tuple[str, ...],
    aligned: AlignedPredictions,
    kind: str,
    macro: NDArray[np.float64],
    correct: NDArray[np.bool_],
    ratio: float,
    resamples: int,
    seed: int,
) -> list[PairwiseTest]:
    pairs = list(combinations(range(len(names)), 2))
    over_folds = [fold_test(macro[one] - macro[two], ratio) for one, two in pairs]
    over_cells = [
        cell_test(
            aligned.truth,
            aligned.answers[one],
            aligned.answers[two],
            len(aligned.codes),
            correct,
            resamples,
            seed,
            aligned.groups,
        )
        for one, two in pairs
    ]
    p_folds = holm(np.array([test.p for test in over_folds]))
    p_cells = holm(np.array([test.p for test in over_cells]))
    return [
        PairwiseTest(
            names[one],
            names[two],
            kind,
            over_folds[n],
            over_cells[n],
            float(p_folds[n]),
            float(p_cells[n]),
        )
        for n, (one, two) in enumerate(pairs)
    ]
