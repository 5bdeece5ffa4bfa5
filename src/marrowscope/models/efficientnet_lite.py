"""EfficientNet-Lite 0, 1 and 2: small networks for which ImageNet weights can be installed.

EfficientNet (Tan and Le, ICML 2019, arXiv 1905.11946) without squeeze-and-excitation and with ReLU6
for swish, both for the sake of int8; stem and last convolution are not scaled (Google's TPU
repository, EfficientNet-Lite, 2020). Padding is TensorFlow's: where a map is halved and the pixels
do not come out even, the odd row and column lie at the lower right. Stochastic depth is left out:
it is made for hundreds of epochs.

The input is that of every network. Resizing to the variant's own resolution and the colours that
the weights expect are part of the network (``models.input_transform``).
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import pad

from marrowscope.models.depthwise_gradient import depthwise_convolution
from marrowscope.models.input_transform import Transform, TransformFacts

# Expansion, channels, repeats, stride and kernel of the stages, before they are scaled.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM, TOP = 32, 1280  # channels of the first and the last convolution
_DIVISOR = 8  # of every number of channels
# The weights were trained on (byte − 127) / 128.
_MEAN, _STD = (127 / 255,) * 3, (128 / 255,) * 3


@dataclass(frozen=True)
class Variant:
    """How one of the networks is scaled.

    Attributes:
        width, depth: factors of channels and repeats.
        size: side of the input in px.
        dropout: share of features that a training step leaves out before the last layer.
    """

    width: float
    depth: float
    size: int
    dropout: float

    def channels(self, unscaled: int) -> int:
        """Scaled, in eights, and not more than a tenth below."""
        wanted = unscaled * self.width
        found = max(_DIVISOR, int(wanted + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
        return found if found >= 0.9 * wanted else found + _DIVISOR

    def repeats(self, stage: int) -> int:
        """Of a stage (0 to 6); the first and the last are not scaled."""
        count = STAGES[stage][2]
        return count if stage in (0, len(STAGES) - 1) else math.ceil(count * self.depth)


VARIANTS = {
    "efficientnet-lite0": Variant(1.0, 1.0, 224, 0.2),
    "efficientnet-lite1": Variant(1.0, 1.1, 240, 0.2),
    "efficientnet-lite2": Variant(1.1, 1.2, 260, 0.3),
}


class SamePadding(nn.Conv2d):
    """A convolution without bias that gives ⌈side / stride⌉ pixels, padded as TensorFlow does."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def reset_parameters(self) -> None:
        """Random weights: what goes backward keeps its size (He et al., ICCV 2015)."""
        fan_out = self.kernel_size[0] ** 2 * self.out_channels // self.groups
        nn.init.normal_(self.weight, std=math.sqrt(2 / fan_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        # int: in a trace sides are tensors, and what follows from them is fixed.
        down, right = (
            max((math.ceil(int(side) / stride) - 1) * stride + kernel - int(side), 0)
            for side in x.shape[2:]
        )
        before = (down // 2, right // 2)
        if down % 2 or right % 2:
            x = pad(x, (before[1], right - before[1], before[0], down - before[0]))
            before = (0, 0)
        if self.groups > 1 and _is_trained_in_half_precision(x):
            return depthwise_convolution(x, self.weight, stride, before)
        return nn.functional.conv2d(
            x, self.weight, None, self.stride, before, self.dilation, self.groups
        )


def _is_trained_in_half_precision(x: torch.Tensor) -> bool:
    """On a CPU."""
    return (
        x.device.type == "cpu"
        and torch.is_grad_enabled()
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
    )


def _layer(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, normalization, ReLU6."""
    return nn.Sequential(*_linear_layer(inputs, outputs, kernel, stride, groups), nn.ReLU6(True))


def _linear_layer(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution and normalization.

    Its statistics follow the last ten batches or so; the paper's hundred would keep ImageNet's in a
    short training.
    """
    return nn.Sequential(
        SamePadding(inputs, outputs, kernel, stride, groups), nn.BatchNorm2d(outputs, eps=1e-3)
    )


class Block(nn.Module):
    """Inverted bottleneck: 1×1 up, depthwise, 1×1 down without ReLU6; added to its input."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand: nn.Module = _layer(inputs, inner) if expansion > 1 else nn.Identity()
        self.depthwise = _layer(inner, inner, kernel, stride, groups=inner)
        self.project = _linear_layer(inner, outputs)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉)."""
        y: torch.Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.is_residual else y


class EfficientNetLite(nn.Module):
    """(N, 3, 250, 250) float32 RGB in [0, 1] → (N, outputs) logits."""

    def __init__(self, name: str, outputs: int) -> None:
        """Weights at random.

        Args:
            name: one of ``VARIANTS``.
            outputs: of the last layer.
        """
        super().__init__()
        variant = VARIANTS[name]
        facts = TransformFacts(variant.size, _MEAN, _STD, "bilinear")
        self.transform = Transform(facts, saved=False)
        layers: list[nn.Module] = [_layer(3, STEM, 3, 2)]
        inputs = STEM
        for stage, (expansion, unscaled, _, first_stride, kernel) in enumerate(STAGES):
            channels = variant.channels(unscaled)
            for repeat in range(variant.repeats(stage)):
                stride = 1 if repeat else first_stride
                layers.append(Block(inputs, channels, expansion, kernel, stride))
                inputs = channels
        layers.append(_layer(inputs, TOP))
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(variant.dropout)
        self.head = nn.Linear(TOP, outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1280) average of the last convolution's maps."""
        pooled: torch.Tensor = self.layers(self.transform(x)).mean(dim=(2, 3))
        return pooled

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, 250, 250) → (N, outputs) logits."""
        logits: torch.Tensor = self.head(self.dropout(self.features(x)))
        return logits
