"""Features and labels → a last layer: logistic regression, or voting neighbours.

What is chosen (penalty, number of neighbours) is chosen on the training cells alone, by stratified
cross-validation among them and macro-F1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from marrowscope.errors import TableError
from marrowscope.models.knn_head import KnnHead, vote_weights
from marrowscope.models.outputs import OutputMap

MAX_FOLDS = 5
COSTS = (0.001, 0.01, 0.1, 1.0, 10.0)
NEIGHBOURS = (1, 3, 5, 11, 21, 51)
MAX_SEARCHED = 20_000  # cells; the search among more would take longer than it is worth
ITERATIONS = 2000

Values = NDArray[np.float32]
Classes = NDArray[np.int64]


@dataclass(frozen=True)
class HeadSelection:
    """What was tried and chosen.

    Attributes:
        name: ``cost`` or ``neighbours``.
        value: the chosen one.
        scores: (value, macro-F1 out of fold); empty where a class is too small for folds.
        folds: of the search.
    """

    name: str
    value: float
    scores: tuple[tuple[float, float], ...]
    folds: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the card."""
        tried = [[value, round(score, 4)] for value, score in self.scores]
        return {self.name: self.value, "searched": tried, "folds": self.folds}

    def summary(self) -> str:
        """One line for a user."""
        if not self.scores:
            return (
                f"{self.name} {self.value:g}: a class has one training cell, nothing was searched"
            )
        return f"{self.name} {self.value:g}, the best of {len(self.scores)} by {self.folds} folds"


def output_shares(outputs: OutputMap, known: tuple[str, ...]) -> NDArray[np.float64]:
    """(known classes, outputs): outputs of one class share its probability evenly."""
    table = np.array([[code == output for output in outputs.outputs] for code in known], float)
    shares: NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return shares


def linear_head(
    values: Values, labels: Classes, shares: NDArray[np.float64], seed: int = 0
) -> tuple[nn.Linear, HeadSelection]:
    """Multinomial logistic regression on standardized features, classes weighted equally.

    Args:
        values: (N, D) finite.
        labels: (N,) classes 0 to K − 1, all of them present.
        shares: (K, outputs), see ``output_shares``.
        seed: of the folds.

    Returns:
        A layer (D → outputs) on the features as they are: standardization is folded in.
    """
    mean = values.mean(axis=0, dtype=np.float64)
    scale = np.maximum(values.std(axis=0, dtype=np.float64), 1e-6)
    rows = (values - mean) / scale

    def scored(train: Classes, test: Classes, cost: float) -> Classes:
        weight, bias = _regression(rows[train], labels[train], cost)
        winners: Classes = (rows[test] @ weight.T + bias).argmax(axis=1)
        return winners

    choice = _search("cost", COSTS, 0.1, labels, seed, scored)
    weight, bias = _regression(rows, labels, choice.value)
    weight = weight / scale
    bias = bias - weight @ mean
    owner, has = shares.argmax(axis=0), shares.max(axis=0) > 0
    part = np.log(np.where(has, shares.max(axis=0), 1.0))
    head = nn.Linear(values.shape[1], shares.shape[1])
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(np.where(has[:, None], weight[owner], 0.0)))
        head.bias.copy_(torch.from_numpy(np.where(has, bias[owner] + part, 0.0)))
    return head, choice


def knn_head(
    values: Values, labels: Classes, shares: NDArray[np.float64], seed: int = 0
) -> tuple[KnnHead, HeadSelection]:
    """The training cells as neighbours that vote; arguments as for ``linear_head``."""
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    classes = int(labels.max()) + 1
    near: dict[bytes, tuple[Values, Classes]] = {}  # of each fold's cells, nearest first

    def scored(train: Classes, test: Classes, k: float) -> Classes:
        place = test.tobytes()
        if place not in near:
            near[place] = _nearest(unit, train, test)
        similarities, members = near[place]
        weights = vote_weights(torch.from_numpy(similarities[:, : int(k)])).numpy()
        votes = np.zeros((len(test), classes))
        for turn in range(weights.shape[1]):
            np.add.at(votes, (np.arange(len(test)), labels[members[:, turn]]), weights[:, turn])
        winners: Classes = votes.argmax(axis=1)
        return winners

    choice = _search("neighbours", NEIGHBOURS, 1, labels, seed, scored)
    k = min(int(choice.value), len(values))
    bank, member = torch.from_numpy(unit.astype(np.float32)), torch.from_numpy(labels)
    return KnnHead(bank, member, torch.from_numpy(shares).float(), k), choice


def _nearest(unit: Values, train: Classes, test: Classes) -> tuple[Values, Classes]:
    """Cosines and rows of the nearest training cells of each test cell, nearest first."""
    most = min(max(NEIGHBOURS), len(train))
    cosines = torch.from_numpy(unit[test]) @ torch.from_numpy(unit[train]).T
    best, places = cosines.topk(most, dim=1)
    return best.numpy(), train[places.numpy()]


def _regression(
    rows: NDArray[np.float64], labels: Classes, cost: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(K, D) weights and (K,) offsets."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=cost, class_weight="balanced", max_iter=ITERATIONS)
    model.fit(rows, labels)
    if len(model.classes_) == 2:  # one decision: positive for the second class
        zero = np.zeros_like(model.coef_)
        return np.concatenate((zero, model.coef_)), np.array([0.0, model.intercept_[0]])
    return model.coef_, model.intercept_


def _search(
    name: str,
    candidates: tuple[float, ...],
    usual: float,
    labels: Classes,
    seed: int,
    scored: Callable[[Classes, Classes, float], Classes],
) -> HeadSelection:
    """The candidate with the best macro-F1 out of fold, the first of equals."""
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, train_test_split

    cells = np.bincount(labels)
    if len(cells) < 2:
        raise TableError("the table has only one class; a classifier needs at least two")
    folds = int(min(MAX_FOLDS, cells.min()))
    if folds < 2:
        return HeadSelection(name, usual, (), 0)
    rows = np.arange(len(labels))
    if len(rows) > MAX_SEARCHED:
        rows, _ = train_test_split(
            rows, train_size=MAX_SEARCHED, stratify=labels, random_state=seed
        )
        folds = int(max(2, min(folds, np.bincount(labels[rows]).min())))
    parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, labels[rows]))
    tried = []
    for candidate in candidates:
        predicted = np.full(len(labels), -1)
        for train, test in parts:
            predicted[rows[test]] = scored(rows[train], rows[test], candidate)
        score = float(f1_score(labels[rows], predicted[rows], average="macro"))
        tried.append((float(candidate), score))
    return HeadSelection(name, max(tried, key=lambda pair: pair[1])[0], tuple(tried), folds)
