"""Features chosen by relevance and redundancy."""

import numpy as np
import pytest

from marrowscope.models import feature_selection
from marrowscope.models.feature_selection import f_statistic, select
from support.made_up_features import made_up


def test_relevance_is_the_f_statistic() -> None:
    from sklearn.feature_selection import f_classif

    values, labels = made_up()
    np.testing.assert_allclose(
        f_statistic(values, labels)[:200], f_classif(values[:, :200], labels)[0], rtol=1e-3
    )


@pytest.mark.parametrize("scheme", feature_selection.SCHEMES)
def test_the_twin_of_a_chosen_feature_is_not_chosen_next(scheme: str) -> None:
    values, labels = made_up()
    first, second = select(values, labels, 2, scheme)
    assert first in (0, 1)
    assert second == 2


def test_constant_features_are_never_chosen() -> None:
    values, labels = made_up()
    values[:, 5:] = 3.0
    assert set(select(values, labels, 100)) == set(range(5))
