"""Fitting the support vector machine of the feature baseline."""

import numpy as np
import pytest
from sklearn.svm import SVC

from marrowscope.errors import InputError
from marrowscope.models.svm_training import _machine, fit_svm, majority_vote, pairwise_decisions
from support.made_up_features import made_up


def test_one_class_only_is_refused() -> None:
    values, _ = made_up()
    with pytest.raises(InputError, match="one class"):
        fit_svm(values, np.zeros(len(values), np.int64))


def test_a_class_of_one_cell_is_refused() -> None:
    values, labels = made_up()
    with pytest.raises(InputError, match="one training image"):
        fit_svm(values[:41], labels[:41])


def test_there_are_no_more_folds_than_cells_in_a_class() -> None:
    values, labels = made_up()
    _, search = fit_svm(values[:43], labels[:43], counts=(5,))
    assert search.folds == 3


@pytest.mark.parametrize("classes", [2, 4])
def test_decisions_of_all_pairs_are_those_of_scikit_learn(classes: int) -> None:
    values, labels = made_up(classes=classes)
    rows = values[:, :20].astype(np.float64)
    ours = pairwise_decisions(rows, 0.05, *_machine(rows, labels, 2.0, 0.05))
    svc = SVC(C=2.0, gamma=0.05, class_weight="balanced", decision_function_shape="ovo")
    svc.fit(rows, labels)
    theirs = svc.decision_function(rows).reshape(len(rows), -1)
    # Of two classes scikit-learn calls the second the positive one.
    np.testing.assert_allclose(ours, -theirs if classes == 2 else theirs, atol=1e-8)
    np.testing.assert_array_equal(majority_vote(ours, classes), svc.predict(rows))


def test_more_features_than_differ_are_not_selected() -> None:
    values, labels = made_up()
    values[:, 3:] = np.nan
    fitted, _ = fit_svm(values, labels, counts=(50,))
    assert len(fitted.selected) == 3
    assert fitted.vectors.shape[1] == 3
