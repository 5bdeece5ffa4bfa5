"""The networks by name, all with the same calling convention.

Input (N, 3, H, W) float32 RGB in [0, 1], 250×250 px; output (N, outputs) logits. Every network
has ``features(x)``, the (N, F) input of its last layer.
"""

from typing import TYPE_CHECKING

from marrowscope.errors import InputError
from marrowscope.models.architectures import LITE, NETWORKS

if TYPE_CHECKING:  # torch comes with an extra
    from torch import nn

NAMES: tuple[str, ...] = NETWORKS

# Bundle that predicts and counts where none is named.
DEFAULT_MODEL = "lite0-mll-pbc12"
# Small enough to be trained further while somebody watches.
SMALL_MODEL = "sequential-mll7"


def create(name: str, outputs: int) -> "nn.Module":
    """Build an untrained network.

    Raises:
        InputError: the name is not one of ``NAMES`` or ``outputs`` is less than 2.
    """
    if name not in NAMES:
        raise InputError(f"model {name!r} is unknown; choose one of {', '.join(NAMES)}")
    if outputs < 2:
        raise InputError(f"model {name!r} with {outputs} outputs: at least 2 are needed")
    network: nn.Module
    match name:
        case "sequential":
            from marrowscope.models.sequential import Sequential

            network = Sequential(outputs)
        case "resnext50":
            from marrowscope.models.resnext50 import ResNeXt50

            network = ResNeXt50(outputs)
        case _ if name in LITE:
            from marrowscope.models.efficientnet_lite import EfficientNetLite

            network = EfficientNetLite(name, outputs)
        case _:
            raise LookupError(f"{name} is in NETWORKS, but nothing here builds it")
    return network


def count_parameters(network: "nn.Module") -> int:
    """Number of trainable parameters."""
    return sum(tensor.numel() for tensor in network.parameters() if tensor.requires_grad)
