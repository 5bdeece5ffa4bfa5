"""Nearest neighbours as the last layer: the training cells' features vote.

Weighted k-nearest-neighbour vote with cosine similarity and temperature .07 (Wu et al., CVPR 2018),
the usual test of frozen features without any training.
"""

import torch
from torch import nn
from torch.nn.functional import normalize

TEMPERATURE = 0.07
_MIN_PROBABILITY = 1e-3  # probability shared by all outputs: no neighbour of a class is no proof


def vote_weights(similarities: torch.Tensor) -> torch.Tensor:
    """Weights of the neighbours, (..., k) cosines → (..., k), sum 1."""
    return torch.softmax(similarities / TEMPERATURE, dim=-1)


class KnnHead(nn.Module):
    """(N, D) features → (N, outputs) logits.

    The buffers: ``bank`` (B, D) unit vectors of the training cells, ``member`` (B,) class of each,
    ``shares`` (classes, outputs) which outputs a class votes for, ``k`` (1,).
    """

    bank: torch.Tensor
    member: torch.Tensor
    shares: torch.Tensor
    k: torch.Tensor

    def __init__(
        self, bank: torch.Tensor, member: torch.Tensor, shares: torch.Tensor, k: int
    ) -> None:
        super().__init__()
        self.register_buffer("bank", bank)
        self.register_buffer("member", member)
        self.register_buffer("shares", shares)
        self.register_buffer("k", torch.tensor([k]))
        self._k = k

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """As the class says; in float32, where similarities close to each other stay apart."""
        with torch.autocast(features.device.type, enabled=False):
            cosines = normalize(features.float(), dim=1) @ self.bank.T
            near, places = cosines.topk(self._k, dim=1)
            votes = self.shares[self.member[places]]  # (N, k, outputs)
            found = (vote_weights(near)[:, :, None] * votes).sum(dim=1)
            logits: torch.Tensor = (
                found * (1 - _MIN_PROBABILITY) + _MIN_PROBABILITY / found.shape[1]
            ).log()
        return logits
