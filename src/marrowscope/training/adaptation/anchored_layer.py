"""Features and labels of few cells → a last layer that stays near the old one.

Logistic regression with a penalty on the distance from the old weights instead of on their size
(Evgeniou and Pontil, KDD 2004; for networks Xuhong et al., L2-SP, ICML 2018): without cells nothing
changes, with many the cells decide. Rows of classes without a labelled cell stay as they are, bit
by bit, and still compete with the others.
"""

import copy

import torch
from torch import nn
from torch.nn.functional import nll_loss

from marrowscope.models.outputs import OutputMap

# Of the squared distance, for one cell, on standardized features. By measurement
# (docs/adaptation.md).
STRENGTH = 3.0
ITERATIONS = 200


def labelled_classes(labels: torch.Tensor, outputs: OutputMap) -> frozenset[str]:
    """Codes of the classes that have a cell; ``labels`` are places in ``outputs.classes``."""
    return frozenset(outputs.classes[place] for place in set(labels.tolist()))


def anchored_layer(
    features: torch.Tensor,
    labels: torch.Tensor,
    layer: nn.Linear,
    outputs: OutputMap,
    strength: float = STRENGTH,
) -> nn.Linear:
    """Fit a last layer; classes weigh the same whatever their number of cells.

    Args:
        features: (V, N, D) float32 of V views of N cells.
        labels: (N,) int64, places in ``outputs.classes``; all of them known.
        layer: the old one (D → outputs); is not changed.
        outputs: what its outputs stand for.
        strength: of the penalty, over N.

    Returns:
        A new layer.
    """
    views, cells, _ = features.shape
    present = labelled_classes(labels, outputs)
    among = OutputMap(outputs.outputs, present)
    moves = torch.tensor([[float(code in present)] for code in outputs.outputs])
    mean = features.flatten(0, 1).mean(dim=0)
    spread = features.flatten(0, 1).std(dim=0, correction=0).clamp(min=1e-6)
    counts = torch.bincount(labels, minlength=len(outputs.classes)).float()
    weights = torch.where(counts > 0, 1 / counts.clamp(min=1), 0.0)
    old_weight, old_bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    # The step from the old layer, on features of mean 0 and spread 1: far better to descend on.
    step = torch.zeros_like(old_weight, requires_grad=True)
    shift = torch.zeros_like(old_bias, requires_grad=True)
    standard = (features.flatten(0, 1) - mean) / spread
    before = features.flatten(0, 1) @ old_weight.T + old_bias
    targets = labels.repeat(views)
    optimizer = torch.optim.LBFGS([step, shift], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = before + standard @ (moves * step).T + moves[:, 0] * shift
        fit = nll_loss(among.log_probabilities(logits), targets, weights)
        penalty = (step**2).sum() + (shift**2).sum()
        total = fit + strength / cells * penalty
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    made = copy.deepcopy(layer).requires_grad_(False)
    change = moves * step.detach() / spread
    made.weight.copy_(old_weight + change)
    made.bias.copy_(old_bias + moves[:, 0] * shift.detach() - change @ mean)
    return made
