"""A network and images of another laboratory → the same weights with new normalization statistics.

Means and variances of batch normalization are those of the training images; other stain and light
shift them at every layer. They are measured again on unlabelled images of the new laboratory (Li et
al., AdaBN, Pattern Recognition 2018, arXiv 1603.04779) and blended with the old ones by the number
of images (Schneider et al., NeurIPS 2020, arXiv 2006.16971).
"""

import copy
from collections.abc import Iterable

import torch
from torch import nn

# The old statistics count as so many images of the new laboratory, and never less than a part:
# which classes a set happens to hold moves the statistics as well. Both chosen by measurement
# (docs/adaptation.md).
PRIOR_IMAGES = 64
MOST = 0.6

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def normalization_layers(network: nn.Module) -> list[BatchNorm]:
    """Layers whose statistics can be measured again, in the order of the network."""
    return [
        layer
        for layer in network.modules()
        if isinstance(layer, BatchNorm) and layer.running_mean is not None
    ]


def weight_of_new(images: int) -> float:
    """Weight of statistics that were measured on so many images, in [0, ``MOST``].

    n / (n + ``PRIOR_IMAGES``), at most ``MOST``.
    """
    return min(MOST, images / (images + PRIOR_IMAGES))


def adapt_statistics(
    network: nn.Module, batches: Iterable[torch.Tensor], weight: float
) -> nn.Module:
    """A copy of a network whose statistics lean towards those of some images.

    Args:
        network: in evaluation mode; is not changed.
        batches: (N, 3, 250, 250) float32 RGB in [0, 1] each, of equal N, mixed as the images come.
        weight: of the new statistics, in [0, 1].
    """
    adapted = copy.deepcopy(network)
    layers = normalization_layers(adapted)
    earlier = [(_tensor(layer.running_mean), _tensor(layer.running_var)) for layer in layers]
    settings = [(layer.momentum, _tensor(layer.num_batches_tracked)) for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over the batches
        layer.train()
    with torch.no_grad():
        for batch in batches:
            adapted(batch)
    for layer, (mean, variance), (momentum, count) in zip(layers, earlier, settings, strict=True):
        layer.running_mean = torch.lerp(mean, _tensor(layer.running_mean), weight)
        layer.running_var = torch.lerp(variance, _tensor(layer.running_var), weight)
        layer.momentum, layer.num_batches_tracked = momentum, count
    return adapted.eval()


def _tensor(given: torch.Tensor | None) -> torch.Tensor:
    assert given is not None  # layers without statistics were left out
    return given.clone()
