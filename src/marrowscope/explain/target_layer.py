"""A network → its last stage with spatial maps, which Grad-CAM weighs.

In a convolutional network these are the maps of its last stage. In a vision transformer they are
the patch tokens that enter the last block: what comes out of it no longer reaches the class token.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models.backbone import Backbone
from marrowscope.models.timm_backbone import TimmTrunk
from marrowscope.models.vit import VisionTransformer


class _RecordedLayer(nn.Module):
    """Passes on what a network computes; inside it lies as maps (N, C, H, W) for a moment."""

    def __init__(self, prefix: int, width: int) -> None:
        super().__init__()
        self.prefix, self.width = prefix, width
        self.maps = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (N, prefix + H·W, C), maps (N, H, W, C) or (N, C, H, W) → the same."""
        if x.dim() == 4:
            if x.shape[1] == self.width:
                same: torch.Tensor = self.maps(x)
                return same
            seen: torch.Tensor = self.maps(x.permute(0, 3, 1, 2))
            return seen.permute(0, 2, 3, 1)
        side = math.isqrt(max(x.shape[1] - self.prefix, 0)) if x.dim() == 3 else 0
        if side < 2 or side**2 != x.shape[1] - self.prefix:
            raise InputError(
                "the network's last stage is not a spatial grid; Grad-CAM is not defined for it"
            )
        maps = self.maps(x[:, self.prefix :].transpose(1, 2).reshape(len(x), -1, side, side))
        return torch.cat((x[:, : self.prefix], maps.flatten(2).transpose(1, 2)), dim=1)


@contextmanager
def target_layer(model: nn.Module) -> Iterator[nn.Module]:
    """A module of the network whose output is (N, C, H, W), as long as the context lasts.

    Args:
        model: for which ``has_spatial_maps`` is true.
    """
    stage = _sequential(model)
    if stage is not None:
        yield stage
        return
    assert isinstance(model, Backbone)
    trunk = model.trunk
    if isinstance(trunk, VisionTransformer):
        watched = _RecordedLayer(1 + trunk.shape.registers, trunk.width)
        with _after(trunk.blocks[-1].get_submodule("norm1"), watched):
            yield watched.maps
        return
    network: Any = trunk.network
    prefix = int(getattr(network, "num_prefix_tokens", 0))
    watched = _RecordedLayer(prefix, int(network.num_features))
    last: Any = _sequential(network)
    if prefix and hasattr(last, "norm1"):
        with _after(last.norm1, watched):
            yield watched.maps
        return
    theirs = network.forward_features
    network.forward_features = lambda *args, **options: watched(theirs(*args, **options))
    try:
        yield watched.maps
    finally:
        del network.forward_features  # the class's own is found again


def has_spatial_maps(model: nn.Module) -> bool:
    """Whether the network has a stage that Grad-CAM could weigh."""
    if isinstance(model, Backbone) and isinstance(model.trunk, TimmTrunk):
        return hasattr(model.trunk.network, "forward_features")
    return isinstance(model, Backbone) or _sequential(model) is not None


def _sequential(model: nn.Module) -> nn.Module | None:
    for name in ("layers", "blocks"):
        stages = getattr(model, name, None)
        if isinstance(stages, nn.Sequential):
            return stages[-1]
    return None


@contextmanager
def _after(module: nn.Module, watched: _RecordedLayer) -> Iterator[None]:
    """What a module gives goes through ``watched``."""
    handle = module.register_forward_hook(lambda _module, _given, found: watched(found))
    try:
        yield
    finally:
        handle.remove()
