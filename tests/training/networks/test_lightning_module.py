"""One training step, piece by piece."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from marrowscope.models.outputs import OutputMap
from marrowscope.stain import default_stain
from marrowscope.training.networks.batch_stream import Batch
from marrowscope.training.networks.lightning_module import (
    TrainingModule,
    learning_rate,
    update_weight_average,
)
from marrowscope.training.recipe import Recipe


class Small(nn.Module):
    """Keeps the images it is given."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = x
        logits: torch.Tensor = self.head(self.norm(self.convolution(x)).mean(dim=(2, 3)))
        return logits


class Clock:
    """Stands for the trainer."""

    def __init__(self, step: int = 0) -> None:
        self.global_step = step


OUTPUTS = OutputMap(("A", "B", "B", "C"), frozenset({"A", "B"}))


def make(recipe: Recipe, step: int = 0) -> TrainingModule:
    torch.manual_seed(0)
    module = TrainingModule(Small(4), OUTPUTS, recipe, steps=100, seed=0)
    module._fabric = None
    module._trainer = Clock(step)
    return module


def batch(count: int = 4) -> Batch:
    random = np.random.default_rng(0)
    return Batch(
        torch.from_numpy(random.integers(0, 256, (count, 40, 40, 3), dtype=np.uint8)),
        None,
        torch.from_numpy(np.stack([default_stain()] * count)),
        None,
        torch.arange(count) % 2,
        0,
        np.arange(count),
    )


def test_autocast_computes_the_augmentation_in_float32_and_rounds_it_once() -> None:
    exact, mixed = make(Recipe()), make(Recipe())
    exact.training_step(batch(), 0)
    with torch.autocast("cpu", torch.bfloat16):
        mixed.training_step(batch(), 0)
    assert exact.network.seen.dtype == torch.float32
    assert torch.equal(exact.network.seen.to(torch.bfloat16), mixed.network.seen)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_cross_entropy_over_the_known_classes(smoothing: float) -> None:
    module = make(Recipe(label_smoothing=smoothing))
    loss = module.training_step(batch(), 0)
    logits = module.network(module.network.seen).double()
    # Outputs: A, B, B, and one of a class that is not known and must not matter.
    odds = torch.stack((logits[:, 0].exp(), logits[:, 1].exp() + logits[:, 2].exp()), dim=1)
    share = (odds / odds.sum(dim=1, keepdim=True)).log()
    wanted = torch.eye(2, dtype=torch.float64)[torch.arange(4) % 2] * (1 - smoothing)
    expected = -((wanted + smoothing / 2) * share).sum(dim=1).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in module.network.parameters())
    assert module.network.head.weight.grad[3].abs().sum() == 0


def test_mixing_keeps_the_sum_of_targets_and_follows_from_the_step() -> None:
    first, again, later = (make(Recipe(mixup=0.4), step) for step in (3, 3, 4))
    images, wanted = first._augmented(batch())
    assert torch.allclose(wanted.sum(dim=1), torch.ones(4))
    assert 0.5 <= float(wanted.max()) < 1
    assert torch.equal(images, again._augmented(batch())[0])
    assert not torch.equal(images, later._augmented(batch())[0])


def test_layers_that_draw_get_the_same_numbers_at_the_same_step() -> None:
    def draws(step: int) -> torch.Tensor:
        module = make(Recipe(), step)
        module._trainer.optimizers = [module.configure_optimizers()]
        module.on_train_batch_start(None, 0)
        return torch.rand(3)

    assert torch.equal(draws(5), draws(5))
    assert not torch.equal(draws(5), draws(6))


def test_only_matrices_and_kernels_are_decayed() -> None:
    optimizer = make(Recipe(optimizer="adamw", weight_decay=0.1)).configure_optimizers()
    decayed, plain = optimizer.param_groups
    assert decayed["weight_decay"] == 0.1
    assert plain["weight_decay"] == 0
    assert all(p.ndim > 1 for p in decayed["params"])
    assert all(p.ndim == 1 for p in plain["params"])
    assert len(decayed["params"]) + len(plain["params"]) == 6


def test_one_cycle_climbs_to_the_peak_and_falls_to_zero() -> None:
    recipe = Recipe(schedule="one_cycle", warmup=0.1, learning_rate=0.01)
    rates = [learning_rate(recipe, step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.001)
    assert rates[9] == rates[10] == pytest.approx(0.01)
    assert rates[55] == pytest.approx(0.005)
    assert rates[100] == pytest.approx(0)
    assert np.all(np.diff(rates[10:]) < 0)


def test_a_constant_rate_stays() -> None:
    assert {learning_rate(Recipe(), step, 100) for step in range(100)} == {1e-3}


@given(st.floats(0, 1), st.integers(1, 5))
def test_the_average_is_the_weighted_sum_and_counters_are_copied(decay: float, size: int) -> None:
    random = np.random.default_rng(size)
    ours = [random.normal(size=size), random.normal(size=(size, 2))]
    theirs = [random.normal(size=size), random.normal(size=(size, 2))]
    average = [*(torch.tensor(a, dtype=torch.float32) for a in ours), torch.tensor(3)]
    network = [*(torch.tensor(a, dtype=torch.float32) for a in theirs), torch.tensor(8)]
    update_weight_average(average, network, decay)
    for got, one, two in zip(average, ours, theirs, strict=False):
        np.testing.assert_allclose(got, decay * one + (1 - decay) * two, atol=1e-5)
    assert average[-1] == 8
