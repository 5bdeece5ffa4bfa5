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

from marrowscope.cells import group_column, probability_codes
from marrowscope.errors import InputError
from marrowscope.evaluation.paired_tests import CellTest, FoldTest, cell_test, fold_test, holm
from marrowscope.morphology import TOLERATED, in_display_order
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
    """

    models: tuple[str, ...]
    codes: tuple[str, ...]
    cells: int
    folds: tuple[str, ...]
    recalls: pl.DataFrame
    tests: pl.DataFrame
    pairwise_tests: tuple[PairwiseTest, ...]
    unit: str


@dataclass(frozen=True)
class _Aligned:
    """The same cells in the same order: truth (N,), answers (M, N), fold place (N,) or None."""

    codes: tuple[str, ...]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    fold: NDArray[np.int64] | None
    folds: tuple[str, ...]
    groups: NDArray[np.int64] | None
    unit: str


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
    aligned = _align(tables)
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
    )


def _align(tables: dict[str, pl.DataFrame]) -> _Aligned:
    prepared = {name: _prepared(name, table) for name, table in tables.items()}
    first, *others = prepared
    base = prepared[first]
    for name in others:
        _refuse_differing(first, base, name, prepared[name])
    occurring: set[str] = set()
    for name, rows in prepared.items():
        occurring |= set(rows["label"].to_list()) | set(rows["predicted"].to_list())
        occurring |= set(probability_codes(tables[name]))
    codes = tuple(in_display_order(occurring))
    place = {code: index for index, code in enumerate(codes)}
    folds = base["fold"].unique().sort().to_list() if "fold" in base.columns else []
    fold_place = {fold: index for index, fold in enumerate(folds)}
    unit = group_column(base)
    return _Aligned(
        codes,
        np.array([place[code] for code in base["label"]], dtype=np.int64),
        np.array([[place[c] for c in rows["predicted"]] for rows in prepared.values()]),
        np.array([fold_place[fold] for fold in base["fold"]]) if len(folds) > 1 else None,
        tuple(str(fold) for fold in folds) if len(folds) > 1 else (),
        None if unit is None else np.unique(base[unit].to_numpy(), return_inverse=True)[1],
        unit or "cell",
    )


def _prepared(name: str, table: pl.DataFrame) -> pl.DataFrame:
    """Labelled rows, sorted by cell."""
    for column in ("label", "predicted"):
        if column not in table.columns:
            raise InputError(f"{name}: has no column {column}; compare predictions of known cells")
    rows = table.filter(pl.col("label").is_not_null()).sort("cell_id")
    if rows.height == 0:
        raise InputError(f"{name}: no cell has a label")
    if rows["cell_id"].n_unique() < rows.height:
        raise InputError(f"{name}: holds a cell twice (same cell_id); keep one row of each")
    silent = rows.filter(pl.col("predicted").is_null())
    if silent.height:
        raise InputError(
            f"{name}: cell {silent['cell_id'][0]} has no prediction ({silent.height} in all); "
            "leave such cells out of every table"
        )
    if "fold" in rows.columns and rows["fold"].null_count() == rows.height:
        rows = rows.drop("fold")
    if "fold" in rows.columns and rows["fold"].null_count():
        raise InputError(f"{name}: some cells have a fold and others none")
    return rows


def _refuse_differing(first: str, base: pl.DataFrame, name: str, rows: pl.DataFrame) -> None:
    if base["cell_id"].to_list() != rows["cell_id"].to_list():
        shared = len(set(base["cell_id"]) & set(rows["cell_id"]))
        raise InputError(
            f"{first} and {name} predict different cells ({base.height} and {rows.height}, "
            f"{shared} in both); only predictions of the same cells can be compared"
        )
    if base["label"].to_list() != rows["label"].to_list():
        raise InputError(f"{first} and {name} hold different labels of the same cells")
    folds = [part["fold"].to_list() if "fold" in part.columns else None for part in (base, rows)]
    if folds[0] != folds[1]:
        raise InputError(
            f"{first} and {name} come from different folds; cross-validate both with the same "
            "table, folds and seed"
        )


def _recall_rows(
    names: tuple[str, ...],
    aligned: _Aligned,
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
    aligned: _Aligned,
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
    aligned: _Aligned,
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
