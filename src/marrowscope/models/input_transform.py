"""What happens to an image before a pretrained network sees it; it travels with the weights.

Published weights expect another size than our crops, and normalized colours. Both are done inside
the network, so that its input is the same as every network's: (N, 3, 250, 250) in [0, 1]. A file
``NAME.json`` beside ``NAME.pth`` or ``NAME.safetensors`` states what differs from the usual.
"""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import conv2d

from marrowscope.errors import InputError
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL

MAX_JSON_BYTES = 1_000_000
KERNELS = ("bicubic", "bilinear")
_CUBIC = -0.5  # sharpness of the cubic kernel (Keys 1981) where images are made smaller
# Mean and standard deviation of ImageNet's training images, RGB: what nearly all weights expect.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class TransformFacts:
    """How crops become the backbone's input.

    Attributes:
        size: side of the input in px.
        mean, std: of RGB in [0, 1]; the input is (colour − mean) / std.
        interpolation: ``bicubic`` or ``bilinear``, with antialiasing where images get smaller.
        microns_per_pixel: that the backbone was trained at: the middle of the crop is cut out so
            that the input has it. None: the whole crop is resized, whatever its pixel size.
    """

    size: int = 224
    mean: tuple[float, ...] = _MEAN
    std: tuple[float, ...] = _STD
    interpolation: str = "bicubic"
    microns_per_pixel: float | None = None

    @property
    def side(self) -> float:
        """How many pixels of the crop the input shows, from edge to edge."""
        if self.microns_per_pixel is None:
            return float(INPUT_SIZE)
        return self.size * self.microns_per_pixel / MICRONS_PER_PIXEL

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def description(self) -> str:
        """One line for the card."""
        part = "whole image" if self.microns_per_pixel is None else f"middle {self.side:.1f} px"
        mean, std = (" ".join(f"{v:g}" for v in values) for values in (self.mean, self.std))
        return (
            f"RGB, 0 to 1; other sizes are rescaled to the input size; inside the network: {part} "
            f"to {self.size} px ({self.interpolation}), minus {mean}, divided by {std}"
        )


class Transform(nn.Module):
    """(N, 3, 250, 250) in [0, 1] → (N, 3, size, size), normalized, float32.

    Resampling is linear in rows and in columns, so one matrix does it on any device and engine.

    Attributes:
        facts: what it was made from; in a loaded bundle the buffers have the last word.
    """

    matrix: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, facts: TransformFacts, saved: bool = True) -> None:
        """Make the matrix.

        Args:
            facts: what to do.
            saved: whether the tensors lie in bundles; not those that follow from a network's name.
        """
        super().__init__()
        self.facts = facts
        matrix = resampling_matrix(facts.size, facts.side, facts.interpolation)
        self.register_buffer("matrix", torch.from_numpy(matrix).float(), persistent=saved)
        for name in ("mean", "std"):
            colours = torch.tensor(getattr(facts, name)).view(3, 1, 1)
            self.register_buffer(name, colours, persistent=saved)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """As the class says; never in half precision, which would round the colours."""
        with torch.autocast(images.device.type, enabled=False):
            plain = images.to(torch.float32, memory_format=torch.contiguous_format)
            resized = self.matrix @ plain @ self.matrix.T
            # As a convolution: OpenVINO 2026.4 merges a plain subtraction into the product before
            # it, and then takes the last side for the channels.
            scale, shift = (1 / self.std).view(3, 1, 1, 1), (-self.mean / self.std).flatten()
            return conv2d(resized.clamp(0.0, 1.0), scale, shift, groups=3)


def resampling_matrix(size: int, side: float, interpolation: str) -> NDArray[np.float64]:
    """Weights of the 250 pixels of a row for each of ``size`` output pixels.

    The kernel is widened by the reduction (antialiasing) and its weights sum to 1.

    Args:
        size: of the output.
        side: width of the middle part that is shown, px.
        interpolation: one of ``KERNELS``.

    Returns:
        (size, 250).
    """
    step = side / size
    centres = (INPUT_SIZE - side) / 2 + (np.arange(size) + 0.5) * step
    places = np.arange(INPUT_SIZE) + 0.5
    away = np.abs(places - centres[:, None]) / max(step, 1.0)
    if interpolation == "bilinear":
        weights = np.maximum(1 - away, 0)
    else:
        near = (_CUBIC + 2) * away**3 - (_CUBIC + 3) * away**2 + 1
        far = _CUBIC * (away**3 - 5 * away**2 + 8 * away - 4)
        weights = np.where(away < 1, near, np.where(away < 2, far, 0.0))
    matrix: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return matrix


def read_transform(weights: Path, usual: TransformFacts | None = None) -> TransformFacts:
    """The transform of a weights file: the usual one, changed by the JSON file beside it.

    Raises:
        InputError: the JSON file cannot be read, or a value in it is unknown or makes no sense.
    """
    facts = usual or TransformFacts()
    path = weights.with_suffix(".json")
    if not path.exists():
        return facts
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InputError(f"{path}: larger than {MAX_JSON_BYTES / 1e6:.0f} MB")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: the transform of the weights is not JSON ({reason})") from None
    names = [field.name for field in fields(TransformFacts)]
    unknown = [name for name in content if name not in names] if _is_object(content) else [""]
    if unknown:
        raise InputError(
            f"{path}: unknown entry {unknown[0]!r}; the transform of the weights may state "
            + ", ".join(names)
        )
    changed: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in content.items()
    }
    facts = replace(facts, **changed)
    problem = _problem(facts)
    if problem:
        raise InputError(f"{path}: {problem}")
    return facts


def _problem(facts: TransformFacts) -> str | None:
    if type(facts.size) is not int or not 16 <= facts.size <= 1024:
        return f"size is {facts.size!r}; expected 16 to 1024 px"
    for name, low in (("mean", -10.0), ("std", 1e-4)):
        values = getattr(facts, name)
        fits = isinstance(values, tuple) and len(values) == 3
        if not fits or not all(_is_number(value, low, 10.0) for value in values):
            return f"{name} is {values!r}; expected three numbers, of RGB in 0 to 1"
    if facts.interpolation not in KERNELS:
        return f"interpolation is {facts.interpolation!r}; expected {' or '.join(KERNELS)}"
    if facts.microns_per_pixel is None:
        return None
    if not _is_number(facts.microns_per_pixel, 0.001, 100.0):
        return f"microns_per_pixel is {facts.microns_per_pixel!r}; expected 0.001 to 100, or null"
    if facts.side > INPUT_SIZE + 1e-6:
        fitting = int(INPUT_SIZE * MICRONS_PER_PIXEL / facts.microns_per_pixel)
        return (
            f"{facts.size} px of {facts.microns_per_pixel:g} µm show more than the crop has; "
            f"state a size of at most {fitting}, or microns_per_pixel null"
        )
    return None


def _is_object(content: Any) -> bool:
    return isinstance(content, dict)


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and low <= value <= high
