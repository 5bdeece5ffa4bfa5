"""A plain sequential network of exactly 303,694 trainable parameters at 22 outputs.

The study trained a sequential network of that size; its layers are in a supplement that is not
public, so this one shares the number and nothing else. The design is our own: seven convolutions
with batch normalization and ReLU; a stride of two in the first two, where pixels are many and tell
little; max-pooling between stages. The last map, 7×7, is pooled by a depthwise convolution: every
channel learns where to look, because the cell that counts lies in the middle of the image and its
neighbours do not (a plain average costs accuracy; docs/ablation.md).
"""

import torch
from torch import nn

# (channels, kernel, stride, max-pooling after it)
LAYERS = (
    (24, 5, 2, False),
    (32, 3, 2, False),
    (48, 3, 1, True),
    (72, 3, 1, True),
    (72, 3, 1, False),
    (112, 3, 1, True),
    (120, 3, 1, False),
)
LAST_MAP = 7  # side of the last map for images of 250×250 px


class Sequential(nn.Module):
    """(N, 3, 250, 250) float32 RGB in [0, 1] → (N, outputs) logits."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for channels, kernel, stride, pool in LAYERS:
            layers += [
                nn.Conv2d(inputs, channels, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
            if pool:
                layers.append(nn.MaxPool2d(2))
            inputs = channels
        self.layers = nn.Sequential(*layers)
        self.pool = nn.Conv2d(inputs, inputs, LAST_MAP, groups=inputs)
        nn.init.constant_(self.pool.weight, 1 / LAST_MAP**2)  # starts as the plain average
        self.pool_norm = nn.BatchNorm2d(inputs)
        self.head = nn.Linear(inputs, outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 120) pooled and normalized output of the last convolution."""
        pooled: torch.Tensor = self.pool_norm(self.pool(self.layers(x))).flatten(1)
        return pooled

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, 250, 250) → (N, outputs) logits."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits
