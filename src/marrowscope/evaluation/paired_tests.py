"""Answers of two classifiers for the same cells → paired tests of their difference.

Two questions, two tests. Would other *trainings and splits* give the same order? The corrected
resampled t-test over folds (Nadeau & Bengio, Machine Learning 2003, section 4): the trainings of a
cross-validation share most of their images, so the plain t-test counts the same evidence several
times; the variance of the mean is taken as (1/k + n_test/n_train)·s² instead of s²/k, with k − 1
degrees of freedom. Would other *cells* give it? A paired bootstrap (Efron 1979): the same resample
of cells is scored for both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowscope.evaluation.bootstrap import CONFIDENCE_LEVEL
from marrowscope.scoring import score

Array = NDArray[np.float64]
_CHUNK = 128  # resamples scored at once


@dataclass(frozen=True)
class FoldTest:
    """Corrected resampled t-test.

    Attributes:
        difference: mean over folds.
        t: statistic; infinite where all folds differ by the same amount, nan without folds.
        degrees: of freedom.
        p: two-sided.
    """

    difference: float
    t: float
    degrees: int
    p: float


@dataclass(frozen=True)
class CellTest:
    """Paired bootstrap: the difference on all cells, 95 % percentile interval, two-sided p."""

    difference: float
    low: float
    high: float
    p: float


def fold_test(differences: Array, test_over_train: float) -> FoldTest:
    """Corrected resampled t-test of differences over folds.

    Args:
        differences: (k,), nan where a fold says nothing.
        test_over_train: cells in test over cells in training, 1/(k−1) for k equal folds.

    Returns:
        The test; p is nan with fewer than two folds, and 1 where no fold differs.
    """
    from scipy import stats

    values = differences[~np.isnan(differences)]
    count = len(values)
    if count < 2:
        return FoldTest(
            float(values.mean()) if count else float("nan"), float("nan"), 0, float("nan")
        )
    mean = float(values.mean())
    error = float(np.sqrt((1 / count + test_over_train) * values.var(ddof=1)))
    if error < 1e-12:
        same = abs(mean) < 1e-12
        return FoldTest(
            mean, 0.0 if same else float(np.copysign(np.inf, mean)), count - 1, 1.0 if same else 0.0
        )
    t = mean / error
    return FoldTest(mean, t, count - 1, float(2 * stats.t.sf(abs(t), count - 1)))


def cell_test(
    truth: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    classes: int,
    correct: NDArray[np.bool_],
    resamples: int = 2000,
    seed: int = 0,
    groups: NDArray[np.int64] | None = None,
) -> CellTest:
    """Paired bootstrap of macro-F1 of ``first`` minus macro-F1 of ``second``.

    Args:
        truth, first, second: (N,) class places of the same cells.
        classes: number of classes.
        correct: (C, C) what counts as correct.
        resamples, seed: of the bootstrap.
        groups: (N,) patient or slide of each cell: whole groups are drawn. None: cells are.
    """
    random = np.random.default_rng(seed)
    size = classes * classes
    # Cells with the same truth and the same two answers are one kind: counts of kinds are drawn.
    joint = (truth * classes + first) * classes + second
    kinds, kind = np.unique(joint, return_inverse=True)
    counts = np.bincount(kind, minlength=len(kinds))
    answer_two = kinds % classes
    truth_one, answer_one = np.divmod(kinds // classes, classes)
    places = truth_one * classes + answer_one, truth_one * classes + answer_two
    picks = [np.zeros((len(kinds), size)) for _ in places]
    for pick, place in zip(picks, places, strict=True):
        pick[np.arange(len(kinds)), place] = 1.0

    def differences(drawn: Array) -> Array:
        one, two = (
            (drawn @ pick).round().astype(np.int64).reshape(-1, classes, classes) for pick in picks
        )
        result: Array = np.subtract(score(one, correct).macro_f1, score(two, correct).macro_f1)
        return result

    if groups is not None:
        names, member = np.unique(groups, return_inverse=True)
        table = np.zeros((len(names), len(kinds)))
        np.add.at(table, (member, kind), 1.0)
    drawn_differences = []
    for start in range(0, resamples, _CHUNK):
        number = min(_CHUNK, resamples - start)
        if groups is None:
            draws = random.multinomial(len(truth), counts / len(truth), size=number).astype(float)
        else:
            even = np.full(len(names), 1 / len(names))
            draws = random.multinomial(len(names), even, size=number) @ table
        drawn_differences.append(differences(draws))
    values = np.concatenate(drawn_differences)
    tail = 50 * (1 - CONFIDENCE_LEVEL)
    low, high = np.percentile(values, [tail, 100 - tail])
    # One is added to both counts: a bootstrap of finite length proves no p of exactly 0.
    beyond = min((values <= 0).sum(), (values >= 0).sum())
    return CellTest(
        float(differences(counts[None].astype(float))[0]),
        float(low),
        float(high),
        float(min(1.0, 2 * (beyond + 1) / (resamples + 1))),
    )


def holm(p_values: Array) -> Array:
    """Adjust p-values of several tests (Holm 1979); nan stays nan and counts as no test."""
    adjusted = np.full(len(p_values), np.nan)
    there = np.flatnonzero(~np.isnan(p_values))
    order = there[np.argsort(p_values[there], kind="stable")]
    running = 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = running
    return adjusted
