"""The plain data of an evaluation, from which reports are written."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.scoring import Estimate

TOTALS = ("macro_f1", "balanced_accuracy", "accuracy", "weighted_f1")
PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class ClassResult:
    """Scores of one class; ``strict`` and ``tolerant`` hold precision, recall, f1."""

    code: str
    name: str
    cells: int
    predicted: int
    strict: dict[str, Estimate]
    tolerant: dict[str, Estimate]
    published: dict[str, tuple[float, float]] | None  # e.g. strict_recall → mean, sd


@dataclass(frozen=True)
class Confusion:
    """Cells of one class taken for another."""

    truth: str
    predicted: str
    count: int
    share: float  # of the cells of the true class
    tolerated: bool


@dataclass(frozen=True)
class FoldStatistics:
    """A score over folds: its mean and sample standard deviation, and the score of every fold.

    Folds in which it does not exist (no cell of the class) are nan and left out of mean and sd;
    the sd of a single fold is nan.
    """

    mean: float
    sd: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class ClassFoldScores:
    """One class over folds; ``strict`` and ``tolerant`` hold precision, recall, f1."""

    code: str
    folds: int  # in which the class has a cell
    strict: dict[str, FoldStatistics]
    tolerant: dict[str, FoldStatistics]


@dataclass(frozen=True)
class FoldScores:
    """Scores over the folds of a cross-validation.

    Attributes:
        names: of the folds, in order.
        cells: evaluated in each.
        strict, tolerant: totals by name.
        classes: one entry per class, in the order of the evaluation.
    """

    names: tuple[str, ...]
    cells: tuple[int, ...]
    strict: dict[str, FoldStatistics]
    tolerant: dict[str, FoldStatistics]
    classes: tuple[ClassFoldScores, ...]


@dataclass(frozen=True)
class LaboratoryScores:
    """The cells of one laboratory, scored by themselves.

    Attributes:
        name: of the laboratory; "" for cells that name none.
        cells: evaluated.
        strict, tolerant: totals by name, over the classes that have a cell here.
        classes: those with a cell or a prediction here, in the order of the evaluation.
    """

    name: str
    cells: int
    strict: dict[str, Estimate]
    tolerant: dict[str, Estimate]
    classes: tuple[ClassResult, ...]


@dataclass(frozen=True)
class Evaluation:
    """The whole result.

    Attributes:
        codes: classes, in display order: rows and columns of ``matrix``.
        matrix: (C, C) counts, truth in rows.
        classes: one entry per code.
        strict, tolerant: totals by name.
        published: the same totals of the published study, strict and tolerant; empty for
            synthetic cells, which compare with nothing published.
        confusions: off-diagonal entries, worst first: by the lower end of the Wilson 95 %
            interval of their share, so that one cell of a tiny class does not come first.
        tolerated: the pairs that were in force among ``codes``.
        bootstrap: ``resamples``, ``seed``, ``unit`` that was drawn and number of ``units``.
        calibration: expected calibration error and the points of the reliability diagram.
        counts: rows, evaluated, unlabelled, unreadable.
        warnings: lines that every report must carry.
        synthetic: whether every evaluated cell is a phantom.
        folds: scores over the folds of a cross-validation; None without.
        laboratories: scores of each, where there are several; else empty.
    """

    codes: tuple[str, ...]
    matrix: NDArray[np.int64]
    classes: tuple[ClassResult, ...]
    strict: dict[str, Estimate]
    tolerant: dict[str, Estimate]
    published: dict[str, dict[str, float]]
    confusions: tuple[Confusion, ...]
    tolerated: tuple[tuple[str, str], ...]
    bootstrap: dict[str, Any]
    calibration: dict[str, Any]
    counts: dict[str, int]
    warnings: tuple[str, ...]
    synthetic: bool
    folds: FoldScores | None
    laboratories: tuple[LaboratoryScores, ...] = ()
