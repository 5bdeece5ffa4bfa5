"""Votes of nearest neighbours, worked by hand."""

import numpy as np
import torch

from marrowscope.models.knn_head import KnnHead


def test_neighbours_vote_by_hand() -> None:
    """Cosines .8 and .6 of two classes: weights exp(.8/.07) and exp(.6/.07)."""
    bank = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    head = KnnHead(bank, torch.tensor([0, 1]), torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5]]), 2)
    first = 1 / (1 + np.exp(-0.2 / 0.07))
    wanted = np.array([first, (1 - first) / 2, (1 - first) / 2]) * 0.999 + 0.001 / 3
    found = head(torch.tensor([[8.0, 6.0]])).exp()
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-6)
