"""Means and variances of batch normalization move towards those of new images, by their number."""

import pytest
import torch
from torch import nn

from marrowscope.training.adaptation.normalization_statistics import (
    MOST,
    PRIOR_IMAGES,
    adapt_statistics,
    normalization_layers,
    weight_of_new,
)


def normalizing() -> nn.Sequential:
    """One channel, of which mean 0 and variance 1 were measured; then a dropout."""
    return nn.Sequential(nn.BatchNorm2d(1, momentum=0.1), nn.Dropout(0.5)).eval()


# Means 2 and 6; unbiased variances 4 · 8 / 7 and 0.
BATCHES = (
    torch.tensor([0.0, 4.0]).repeat(4).reshape(2, 1, 2, 2),
    torch.full((2, 1, 2, 2), 6.0),
)


def test_statistics_are_the_mean_over_batches_blended_with_the_old_ones() -> None:
    (layer, _) = adapt_statistics(normalizing(), BATCHES, 0.25)
    assert layer.running_mean.item() == pytest.approx(0.25 * (2 + 6) / 2)
    assert layer.running_var.item() == pytest.approx(0.75 + 0.25 * (32 / 7 + 0) / 2)


def test_a_weight_of_zero_changes_nothing_and_one_forgets_the_old() -> None:
    (same, _), (new, _) = (adapt_statistics(normalizing(), BATCHES, w) for w in (0.0, 1.0))
    assert (same.running_mean.item(), same.running_var.item()) == (0, 1)
    assert new.running_mean.item() == pytest.approx(4)


def test_the_network_that_was_given_stays_and_the_copy_is_ready_to_predict() -> None:
    network = normalizing()
    adapted = adapt_statistics(network, BATCHES, 0.5)
    assert network[0].running_mean.item() == 0
    assert not any(layer.training for layer in adapted.modules())
    assert adapted[0].momentum == 0.1


def test_weight_grows_with_the_images_up_to_a_part() -> None:
    assert weight_of_new(0) == 0
    assert weight_of_new(PRIOR_IMAGES) == 0.5
    assert weight_of_new(10_000) == MOST
    weights = [weight_of_new(images) for images in range(0, 300, 10)]
    assert weights == sorted(weights)


def test_layers_without_statistics_are_left_out() -> None:
    mixed = nn.Sequential(
        nn.BatchNorm2d(2), nn.GroupNorm(1, 2), nn.BatchNorm2d(2, track_running_stats=False)
    )
    assert normalization_layers(mixed) == [mixed[0]]
