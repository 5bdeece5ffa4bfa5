"""ResNeXt-50 32×4d (Xie et al., CVPR 2017) as the study used it.

The published 23,059,094 trainable parameters at 22 outputs come out exactly when every convolution
has a bias. The rest follows the earlier public code of the same group (facts about a Keras model):
7×7/2 stem, stages of 3, 4, 6, 3 blocks, a projection shortcut on the first block of each stage,
LeakyReLU of slope 0.3, batch normalization with epsilon 1e-3 and Keras momentum 0.99. The stride
of a stage sits on the 3×3 convolution of its first block (our choice; the count is the same).
"""

import torch
from torch import nn

from marrowscope.models.grouped_convolution import GroupedConvolution

CARDINALITY = 32
STAGES = ((3, 128, 256, 1), (4, 256, 512, 2), (6, 512, 1024, 2), (3, 1024, 2048, 2))
SLOPE = 0.3


def _normalization(channels: int) -> nn.BatchNorm2d:
    # Keras weighs the old average by its momentum, torch the new value: 0.99 is 0.01 here.
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """Bottleneck with grouped 3×3 convolution: 1×1 down, 3×3 in 32 groups, 1×1 up."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(inputs, width, 1)
        self.reduce_norm = _normalization(width)
        self.grouped = GroupedConvolution(width, width, 3, stride, 1, groups=CARDINALITY)
        self.grouped_norm = _normalization(width)
        self.expand = nn.Conv2d(width, outputs, 1)
        self.expand_norm = _normalization(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride), _normalization(outputs)
            )
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) → (N, outputs, H/stride, W/stride)."""
        y = self.activation(self.reduce_norm(self.reduce(x)))
        y = self.activation(self.grouped_norm(self.grouped(y)))
        y = self.expand_norm(self.expand(y))
        result: torch.Tensor = self.activation(y + self.shortcut(x))
        return result


class ResNeXt50(nn.Module):
    """(N, 3, H, W) float32 RGB in [0, 1] → (N, outputs) logits."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3),
            _normalization(64),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks: list[nn.Module] = []
        inputs = 64
        for count, width, channels, stride in STAGES:
            for index in range(count):
                blocks.append(Block(inputs, width, channels, stride if index == 0 else 1))
                inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 2048) average of the last convolution stage."""
        pooled: torch.Tensor = self.blocks(self.stem(x)).mean(dim=(2, 3))
        return pooled

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → (N, outputs) logits."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits
