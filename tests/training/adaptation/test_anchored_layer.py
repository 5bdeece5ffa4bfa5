"""A last layer learns from few cells without leaving the old one further than they ask for."""

import pytest
import torch
from torch import nn

from marrowscope.models.outputs import OutputMap
from marrowscope.training.adaptation.anchored_layer import anchored_layer

# Two outputs of one class, and a class that the model does not know.
OUTPUTS = OutputMap(("NGS", "EBO", "EBO", "LYT", "PLM"), frozenset({"NGS", "EBO", "LYT"}))
NGS, EBO, LYT = 0, 1, 2  # among the classes


def old_layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 5).requires_grad_(False)


def cells(of_each: int, classes: tuple[int, ...], seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Features of two views, in which feature k tells class k, and labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.tensor(classes).repeat_interleave(of_each)
    features = 0.3 * torch.randn(2, len(labels), 4, generator=generator)
    features[:, torch.arange(len(labels)), labels] += 3.0
    return features, labels


def predicted(layer: nn.Linear, features: torch.Tensor) -> torch.Tensor:
    return OUTPUTS.log_probabilities(layer(features[0])).argmax(dim=1)


def test_new_cells_of_the_classes_are_told_apart() -> None:
    made = anchored_layer(*cells(5, (NGS, EBO, LYT)), old_layer(), OUTPUTS)
    features, labels = cells(20, (NGS, EBO, LYT), seed=1)
    assert (predicted(old_layer(), features) == labels).float().mean() < 0.7
    assert (predicted(made, features) == labels).all()


def test_rows_of_classes_without_cells_stay_as_they_are() -> None:
    old = old_layer()
    made = anchored_layer(*cells(5, (NGS, LYT)), old, OUTPUTS)
    kept, moved = [1, 2, 4], [0, 3]
    assert torch.equal(made.weight[kept], old.weight[kept])
    assert torch.equal(made.bias[kept], old.bias[kept])
    assert not torch.isclose(made.weight[moved], old.weight[moved]).all()


def test_labelled_classes_move_against_each_other_and_not_against_the_rest() -> None:
    """What one row of theirs gains the others lose, so that other classes meet the same rivals."""
    old = old_layer()
    made = anchored_layer(*cells(20, (NGS, LYT)), old, OUTPUTS)
    change = made.weight - old.weight
    assert change.abs().max() > 0.1
    assert change.sum(dim=0).abs().max() < 1e-3
    assert (made.bias - old.bias).sum().abs() < 1e-3


def test_a_strong_anchor_holds_and_the_distance_grows_as_it_weakens() -> None:
    old = old_layer()
    distances = [
        (anchored_layer(*cells(5, (NGS, LYT)), old, OUTPUTS, strength).weight - old.weight).norm()
        for strength in (1e6, 10.0, 1.0, 0.1)
    ]
    assert distances[0] < 1e-3
    assert distances == sorted(distances)


def test_it_rests_where_no_step_is_better() -> None:
    """The gradient of the loss, written down here by itself, vanishes at the result."""
    old = old_layer()
    features, labels = cells(4, (NGS, LYT))
    labels[:3] = LYT  # classes of different size
    made = anchored_layer(features, labels, old, OUTPUTS, strength=2.0)
    weight = made.weight.clone().requires_grad_()
    bias = made.bias.clone().requires_grad_()
    mean = features.flatten(0, 1).mean(dim=0)
    spread = features.flatten(0, 1).std(dim=0, correction=0)
    among = OutputMap(OUTPUTS.outputs, frozenset({"NGS", "LYT"}))
    logs = among.log_probabilities(features.flatten(0, 1) @ weight.T + bias)
    right = -logs[torch.arange(16), labels.repeat(2)]
    of_class = [right[labels.repeat(2) == place].mean() for place in (NGS, LYT)]
    change = weight - old.weight
    at_mean = bias - old.bias + change @ mean  # what changes for an average cell
    penalty = ((change * spread) ** 2).sum() + (at_mean**2).sum()
    ((of_class[0] + of_class[1]) / 2 + 2.0 / 8 * penalty).backward()
    for gradient in (weight.grad, bias.grad):
        assert gradient[[0, 3]].abs().max() == pytest.approx(0, abs=1e-3)
