"""Two views of each cell → a loss: the same features for one, different ones for others.

VICReg (Bardes, Ponce & LeCun, ICLR 2022): the expanded features of two augmented views of an image
are pulled together (invariance), every dimension keeps its spread over the batch (variance), and
dimensions carry different things (covariance). It needs neither negatives nor large batches.
"""

import torch
from torch import nn
from torch.nn import functional

from marrowscope.training.networks.batch_stream import Batch
from marrowscope.training.networks.lightning_module import SteppedModule
from marrowscope.training.recipe import Recipe

EXPANDED_WIDTH = 512  # dimensions of the expander's layers
# Weights of the three parts, as in the paper.
INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0


class ExpandedNetwork(nn.Module):
    """Features of a network, and three layers that are thrown away afterwards."""

    def __init__(self, network: nn.Module, features: int) -> None:
        super().__init__()
        self.network = network
        self.expander = nn.Sequential(
            nn.Linear(features, EXPANDED_WIDTH),
            nn.BatchNorm1d(EXPANDED_WIDTH),
            nn.ReLU(inplace=True),
            nn.Linear(EXPANDED_WIDTH, EXPANDED_WIDTH),
            nn.BatchNorm1d(EXPANDED_WIDTH),
            nn.ReLU(inplace=True),
            nn.Linear(EXPANDED_WIDTH, EXPANDED_WIDTH),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → (N, 512)."""
        expanded: torch.Tensor = self.expander(self.network.features(x))  # type: ignore[operator]
        return expanded


class PretrainingModule(SteppedModule):
    """Trains ``ExpandedNetwork`` on two views of every image; labels take no part."""

    def __init__(self, network: ExpandedNetwork, recipe: Recipe, steps: int, seed: int) -> None:
        super().__init__(network, recipe, steps, seed)

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        """Loss of one batch."""
        # Streams of their own: views of one run are never those of another seed.
        first, second = (self.view(batch, 2 * self.seed + number) for number in (0, 1))
        one, other = self.network(torch.cat([first, second])).float().chunk(2)
        with torch.autocast(self.device.type, enabled=False):
            loss = vicreg(one, other)
        self.recent_losses.append(loss.detach())
        return loss


def vicreg(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Loss of two (N, D) tensors whose rows belong together.

    Equation 6 of the paper, with the mean over dimensions for the distance and over both sides for
    the spread, so that the paper's three weights hold for any D.
    """
    invariance = functional.mse_loss(one, other)
    variance = sum(
        functional.relu(1 - torch.sqrt(side.var(dim=0) + 1e-4)).mean() for side in (one, other)
    )
    return (
        INVARIANCE * invariance
        + VARIANCE * 0.5 * variance
        + COVARIANCE * (_covariance(one) + _covariance(other))
    )


def _covariance(side: torch.Tensor) -> torch.Tensor:
    """Sum of the squared off-diagonal covariances, divided by the number of dimensions."""
    rows, dimensions = side.shape
    centred = side - side.mean(dim=0)
    covariance = centred.T @ centred / (rows - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / dimensions
