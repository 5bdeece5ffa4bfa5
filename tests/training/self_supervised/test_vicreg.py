"""The VICReg loss."""

import numpy as np
import pytest
import torch

from marrowscope.training.self_supervised.vicreg import vicreg


def reference(one: np.ndarray, other: np.ndarray) -> float:
    """The loss in float64, written out with loops over dimensions."""
    rows, dimensions = one.shape
    distance = ((one - other) ** 2).sum() / (rows * dimensions)
    spread = covariance = 0.0
    for side in (one, other):
        for i in range(dimensions):
            a = side[:, i] - side[:, i].mean()
            spread += max(0.0, 1 - np.sqrt((a @ a) / (rows - 1) + 1e-4)) / dimensions
            for j in range(dimensions):
                b = side[:, j] - side[:, j].mean()
                covariance += ((a @ b) / (rows - 1)) ** 2 / dimensions * (i != j)
    return 25 * distance + 25 * spread / 2 + covariance


def test_the_loss_is_the_published_one() -> None:
    random = np.random.default_rng(3)
    one, other = random.normal(0, 0.7, (2, 9, 5))
    found = vicreg(torch.from_numpy(one), torch.from_numpy(other))
    assert float(found) == pytest.approx(reference(one, other), rel=1e-9)


def test_features_that_are_all_the_same_cost_the_whole_spread() -> None:
    same = torch.ones(8, 4, dtype=torch.float64)
    assert float(vicreg(same, same)) == pytest.approx(25 * (1 - 1e-2))
