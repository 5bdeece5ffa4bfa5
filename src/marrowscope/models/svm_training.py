"""Fit the machine of the feature baseline: cost and width searched, decisions made probable."""

import warnings
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError, TableError
from marrowscope.models.feature_selection import select
from marrowscope.models.features_svm import FittedSvm

MAX_FOLDS = 5
FEATURE_COUNTS = (400, 1000)
COSTS = (1.0, 4.0, 16.0)
# Gamma in units of 1 / number of features, for standardized features.
GAMMAS = (0.3, 1.0)

Rows = NDArray[np.float64]
Classes = NDArray[np.int64]


@dataclass(frozen=True)
class GridSearch:
    """What was tried and chosen.

    Attributes:
        scores: (features, cost, gamma, macro-F1 over the folds) of every setting.
        count, cost, gamma: the chosen ones.
        folds: of the cross-validation among the training cells.
        imputed: missing feature values among the training cells' selected features.
    """

    scores: tuple[tuple[int, float, float, float], ...]
    count: int
    cost: float
    gamma: float
    folds: int
    imputed: int


def fit_svm(
    values: NDArray[np.float32],
    labels: Classes,
    *,
    counts: tuple[int, ...] = FEATURE_COUNTS,
    scheme: str = "quotient",
    seed: int = 0,
) -> tuple[FittedSvm, GridSearch]:
    """Fit on training cells.

    Args:
        values: (N, features) in the order of the catalogue; NaN where missing.
        labels: (N,) classes 0 to K−1, all of them present.
        counts: how many features to choose; the best of these.
        scheme: of ``feature_selection.select``.
        seed: of the folds.

    Raises:
        InputError: one class only, or a class of one cell. With fewer cells than folds in a class
            there are as many folds as it has cells.
    """
    cells = np.bincount(labels)
    if len(cells) < 2:
        raise TableError("the table has only one class; a classifier needs at least two")
    if cells.min() < 2:
        raise InputError(
            f"{int((cells < 2).sum())} classes have one training image; the feature model needs "
            "2 of each: one to learn from and one to check with"
        )
    folds = int(min(MAX_FOLDS, cells.min()))
    median, filled, missing = _impute(values)
    places = select(filled, labels, max(counts), scheme)
    if len(places) == 0:
        raise InputError("no feature differs between the training cells; are all images the same?")
    chosen = filled[:, places].astype(np.float64)
    mean, scale = chosen.mean(axis=0), np.maximum(chosen.std(axis=0), 1e-9)
    rows = (chosen - mean) / scale
    found, decisions = _search(rows, labels, counts, folds, seed)
    best = slice(found.count)  # what is chosen first does not depend on how many are chosen
    machine = _machine(rows[:, best], labels, found.cost, found.gamma)
    slopes, offsets = _platt(decisions, labels)
    fitted = FittedSvm(
        places[best],
        median[places[best]],
        mean[best],
        scale[best],
        *machine[:1],
        found.gamma,
        *machine[1:],
        slopes,
        offsets,
    )
    return fitted, replace(found, imputed=int(missing[:, places[best]].sum()))


def _impute(
    values: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.bool_]]:
    """Medians of the training cells (0 where none has a value), filled values, what was missing."""
    missing = np.isnan(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # features that no cell has
        median = np.nan_to_num(np.nanmedian(values, axis=0)).astype(np.float64)
    return median, np.where(missing, median.astype(np.float32), values), missing


def _search(
    rows: Rows, labels: Classes, counts: tuple[int, ...], folds: int, seed: int
) -> tuple[GridSearch, Rows]:
    """The setting with the best macro-F1 out of fold, and its out-of-fold decisions."""
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold

    parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, labels))
    classes = int(labels.max()) + 1
    tried: list[tuple[int, float, float, float]] = []
    kept = np.empty((len(rows), 0))
    for count in sorted({min(count, rows.shape[1]) for count in counts}):
        for width, cost in product(GAMMAS, COSTS):
            gamma = width / count
            decisions = np.empty((len(rows), classes * (classes - 1) // 2))
            for train, test in parts:
                machine = _machine(rows[train, :count], labels[train], cost, gamma)
                decisions[test] = pairwise_decisions(rows[test, :count], gamma, *machine)
            score = float(f1_score(labels, majority_vote(decisions, classes), average="macro"))
            if all(score > earlier for *_, earlier in tried):
                kept = decisions
            tried.append((count, cost, gamma, score))
    count, cost, gamma, _ = max(tried, key=lambda setting: setting[3])
    rounded = tuple((n, c, g, round(score, 4)) for n, c, g, score in tried)
    return GridSearch(rounded, count, cost, gamma, folds, 0), kept


def _machine(rows: Rows, labels: Classes, cost: float, gamma: float) -> tuple[Rows, Rows, Rows]:
    """Support vectors, (pairs, V) dual coefficients, (pairs,) intercepts; positive: first class.

    libsvm keeps for every support vector one coefficient per *other* class; here each pair of
    classes gets a row of its own.
    """
    from sklearn.svm import SVC

    svc = SVC(C=cost, gamma=gamma, class_weight="balanced", cache_size=500)
    svc.fit(rows, labels)
    classes = len(svc.classes_)
    ends = np.cumsum(svc.n_support_)
    spans = [slice(int(end - n), int(end)) for n, end in zip(svc.n_support_, ends, strict=True)]
    coefficients = np.zeros((classes * (classes - 1) // 2, len(svc.support_)))
    pair = 0
    for first in range(classes):
        for second in range(first + 1, classes):
            coefficients[pair, spans[first]] = svc._dual_coef_[second - 1, spans[first]]
            coefficients[pair, spans[second]] = svc._dual_coef_[first, spans[second]]
            pair += 1
    return svc.support_vectors_, coefficients, np.array(svc._intercept_)


def pairwise_decisions(
    rows: Rows, gamma: float, vectors: Rows, coefficients: Rows, intercepts: Rows
) -> Rows:
    """Decisions of all pairs, (N, pairs); positive for the first class of the pair."""
    squares = (rows**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * rows @ vectors.T
    decisions: Rows = np.exp(-gamma * np.maximum(squares, 0)) @ coefficients.T + intercepts
    return decisions


def majority_vote(decisions: Rows, classes: int) -> Classes:
    """One vote per pair; ties go to the larger sum of decisions."""
    votes = np.zeros((len(decisions), classes))
    first, second = np.triu_indices(classes, 1)
    margin = np.tanh(decisions) * 1e-3 / classes
    for pair, (a, b) in enumerate(zip(first, second, strict=True)):
        won = decisions[:, pair] > 0
        votes[:, a] += won + margin[:, pair]
        votes[:, b] += ~won - margin[:, pair]
    winners: Classes = votes.argmax(axis=1)
    return winners


def _platt(decisions: Rows, labels: Classes) -> tuple[Rows, Rows]:
    """Slope and offset of each pair's sigmoid, from the cells of both classes, (pairs,) each."""
    from sklearn.linear_model import LogisticRegression

    slopes, offsets = [], []
    first, second = np.triu_indices(int(labels.max()) + 1, 1)
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        both = (labels == one) | (labels == other)
        # Nearly no penalty, but enough that two classes that never mix end in finite slopes.
        model = LogisticRegression(C=100.0).fit(
            decisions[both, pair : pair + 1], labels[both] == one
        )
        slopes.append(float(model.coef_[0, 0]))
        offsets.append(float(model.intercept_[0]))
    return np.array(slopes), np.array(offsets)
