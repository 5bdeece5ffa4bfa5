"""A grouped convolution whose narrow groups a GPU computes as fewer, wider ones.

cuDNN has no fast kernels for groups of 4 or 8 channels: with four times as many products, nearly
all of them with zero, the first 3×3 convolutions of ResNeXt-50 take two thirds of the time
(bf16, forward and backward, on an H200; docs/performance.md). Weights, their number and their names
stay those of the grouped convolution.
"""

import torch
from torch import nn
from torch.nn.functional import conv2d

WIDTH = 16  # channels of a group that tensor cores take as they are


class GroupedConvolution(nn.Conv2d):
    """``nn.Conv2d``; on CUDA with groups of at least ``WIDTH`` channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) → (N, outputs, H′, W′)."""
        together = groups_together(self.in_channels // self.groups, self.groups)
        if x.device.type != "cuda" or together == 1:
            return super().forward(x)
        return conv2d(
            x,
            with_groups_joined(self.weight, self.groups, together),
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups // together,
        )


def groups_together(width: int, groups: int) -> int:
    """How many groups of ``width`` channels make one that is wide enough; 1 where they are."""
    count = WIDTH // width
    return count if count > 1 and groups % count == 0 else 1


def with_groups_joined(weight: torch.Tensor, groups: int, together: int) -> torch.Tensor:
    """Weights that do the same with a ``together``-th of the groups.

    Args:
        weight: (outputs, inputs of a group, K, K).
        groups: of the convolution.
        together: how many become one; divides ``groups``.

    Returns:
        (outputs, together · inputs of a group, K, K), zero between what were different groups.
    """
    outputs, width = weight.shape[:2]
    group = torch.arange(outputs, device=weight.device) // (outputs // groups) % together
    source = torch.arange(together * width, device=weight.device) // width
    own = (group[:, None] == source)[:, :, None, None]
    return weight.repeat(1, together, 1, 1) * own.to(weight.dtype)
