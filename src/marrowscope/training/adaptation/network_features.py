"""A network and cells → the input of its last layer, and from that probabilities.

What adapting asks of a network again and again: the layers below the last one are computed once.
"""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import nn

from marrowscope.errors import InputError
from marrowscope.inference.torch_engine import symmetries
from marrowscope.models.outputs import OutputMap
from marrowscope.progress import Advance
from marrowscope.training.pixel_source import PixelSource

BATCH = 32

Probabilities = NDArray[np.float32]


def image_batches(
    rows: pl.DataFrame, size: int, place: torch.device, advance: Advance | None
) -> Iterator[torch.Tensor]:
    """(N, 3, 250, 250) float32 in [0, 1] on the device."""
    pixels = PixelSource(rows, device=place.type)
    for start in range(0, rows.height, size):
        images, chosen = pixels.batch(np.arange(start, min(start + size, rows.height)))
        crops = images if chosen is None else images[chosen]
        yield crops.to(place).permute(0, 3, 1, 2).float() / 255.0
        if advance is not None:
            advance(len(crops), total=rows.height)


def network_features(
    networks: Sequence[nn.Module],
    rows: pl.DataFrame,
    views: int,
    place: torch.device,
    advance: Advance | None,
) -> list[torch.Tensor]:
    """The input of each network's last layer, (V, N, D) float32 on the CPU; pixels are read once.

    D is 0 where there are no rows.
    """
    different = list(dict.fromkeys(networks))
    found: dict[nn.Module, list[torch.Tensor]] = {network: [] for network in different}
    with torch.inference_mode():
        for batch in image_batches(rows, BATCH, place, advance) if rows.height else ():
            for network in different:
                seen = [network.features(view) for view in symmetries(batch, views)]  # type: ignore[operator]
                found[network].append(torch.stack(seen).float().cpu())
    whole = {
        network: torch.cat(parts, dim=1).clone() if parts else torch.zeros(views, 0, 0)
        for network, parts in found.items()
    }
    for one in whole.values():
        if not bool(torch.isfinite(one).all()):
            raise InputError("features of some image are not finite; the model is damaged")
    return [whole[network] for network in networks]


def last_layer(network: nn.Module) -> nn.Linear:
    """A copy on the CPU."""
    head = copy.deepcopy(network.get_submodule("head")).cpu()
    assert isinstance(head, nn.Linear)  # require_adaptable
    return head


def head_probabilities(
    features: torch.Tensor, head: nn.Linear, outputs: OutputMap
) -> Probabilities:
    """(N, classes), averaged over the views."""
    if not features.shape[1]:
        return np.empty((0, len(outputs.classes)), np.float32)
    with torch.inference_mode():
        found = [outputs.log_probabilities(head(view)).exp() for view in features]
        mean: Probabilities = torch.stack(found).mean(dim=0).numpy()
    return mean
