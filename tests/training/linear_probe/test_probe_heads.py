"""Heads on frozen features: the linear layer and the neighbours."""

import numpy as np
import pytest
import torch

from marrowscope.models.outputs import OutputMap
from marrowscope.training.linear_probe.probe_heads import knn_head, linear_head, output_shares


def blobs(cells: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of unequal size in five dimensions of very different scale."""
    random = np.random.default_rng(seed)
    labels = np.arange(cells) % 6 % 4 % 3
    centres = random.normal(0, 3, (3, 5))
    values = (centres[labels] + random.normal(0, 1, (cells, 5))) * [1, 100, 0.01, 1, 1] + 50
    return values.astype(np.float32), labels.astype(np.int64)


OUTPUTS = OutputMap(("A", "B", "B", "C", "Z"), frozenset("ABC"))
SHARES = output_shares(OUTPUTS, ("A", "B", "C"))


def test_the_linear_layer_is_the_logistic_regression_on_standardized_features() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    values, labels = blobs()
    head, choice = linear_head(values, labels, SHARES)
    with torch.no_grad():
        found = OUTPUTS.log_probabilities(head(torch.from_numpy(values))).exp().numpy()
    rows = StandardScaler().fit_transform(values.astype(float))
    model = LogisticRegression(C=choice.value, class_weight="balanced", max_iter=2000)
    wanted = model.fit(rows, labels).predict_proba(rows)
    np.testing.assert_allclose(found[:, :3], wanted, atol=2e-3)
    assert (found[:, 3] == 0).all()
    assert (wanted.argmax(axis=1) == labels).mean() > 0.8


def test_two_classes_work_as_well() -> None:
    values, labels = blobs()
    two = labels < 2
    shares = output_shares(OutputMap(("A", "B"), frozenset("AB")), ("A", "B"))
    head, _ = linear_head(values[two], labels[two], shares)
    with torch.no_grad():
        found = head(torch.from_numpy(values[two])).argmax(dim=1).numpy()
    assert (found == labels[two]).mean() > 0.8


def test_the_number_of_neighbours_is_chosen_among_the_training_cells() -> None:
    values, labels = blobs(120)
    head, choice = knn_head(values - 50, labels, SHARES)
    assert choice.folds == 5
    assert choice.value == max(choice.scores, key=lambda pair: pair[1])[0]
    assert int(head.k) == choice.value
    np.testing.assert_allclose(np.linalg.norm(head.bank.numpy(), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("fit", [linear_head, knn_head])
def test_a_class_of_one_cell_stops_the_search_and_not_the_training(fit: object) -> None:
    values, labels = blobs()
    few = np.r_[np.flatnonzero(labels < 2), np.flatnonzero(labels == 2)[:1]]
    _, choice = fit(values[few], labels[few], SHARES)  # type: ignore[operator]
    assert choice.scores == ()
    assert "nothing was searched" in choice.summary()
