"""A plain sequential network of exactly 303,694 trainable parameters at 22 outputs.

The study trained a sequential network of that size; its layers are in a supplement that is not
public, so this one only shares the number. The design is our own: seven convolutions, each with
bias, batch normalization and ReLU; a stride of two in the first two, where pixels are many and
information per pixel is small; then max-pooling between stages. The last map, 7×7, is pooled with
learned weights per channel and position instead of a plain average, because the cell that counts
lies in the middle and its neighbours do not.
"""

import torch
from torch import nn

# (channels, kernel, stride, max-pooling after it)
LAYERS = (
    (24, 5, 2, False),
    (32, 3, 2, False),
    (48, 3, 1, True),
    (72, 3, 1, True),
    (80, 3, 1, False),
    (96, 3, 1, True),
    (144, 3, 1, False),
)


class Sequential(nn.Module):
    """(N, 3, 250, 250) float32 RGB in [0, 1] → (N, outputs) logits."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for channels, kernel, stride, pool in LAYERS:
            layers += [
                nn.Conv2d(inputs, channels, kernel, stride, kernel // 2),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
            if pool:
                layers.append(nn.MaxPool2d(2))
            inputs = channels
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(inputs, outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 144) pooled output of the last convolution."""
        pooled: torch.Tensor = self.layers(x).mean(dim=(2, 3))
        return pooled

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, 250, 250) → (N, outputs) logits."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits
