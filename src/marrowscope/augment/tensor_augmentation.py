"""A batch on any device → the augmented batch, in plain tensor operations.

This is what runs on a GPU where there is no Triton; on a processor ``fused`` takes its place.
"""

import torch
from torch.nn.functional import affine_grid, grid_sample

from marrowscope.augment.augmentation_parameters import AugmentationParameters
from marrowscope.stain import WHITE

_PADDING = {"reflect": "reflection", "border": "border"}


def augment_tensors(
    images: torch.Tensor,
    colour: torch.Tensor,
    offset: torch.Tensor,
    parameters: AugmentationParameters,
) -> torch.Tensor:
    """Augment a batch.

    Args:
        images: (N, H, W, 3) uint8 RGB.
        colour, offset: (N, 3, 3) and (N, 3) map of the optical density (``density.density_map``).
        parameters: one draw per image, on the same device.

    Returns:
        (N, 3, H, W) float32 RGB in [0, 1], channels-last in memory.
    """
    sampled = _resample(images, parameters)
    density = -torch.log(torch.clamp(sampled, min=1.0 / WHITE))
    n, _, height, width = density.shape
    flat = density.permute(0, 2, 3, 1).reshape(n, height * width, 3)
    changed = torch.baddbmm(offset[:, None, :], flat, colour.transpose(1, 2))
    light = torch.exp(-changed).clamp_(0.0, 1.0)
    return light.reshape(n, height, width, 3).permute(0, 3, 1, 2)


def _resample(images: torch.Tensor, parameters: AugmentationParameters) -> torch.Tensor:
    """Sample intensities bilinearly; (N, 3, H, W) float32 in [0, 1], channels-last."""
    pixels = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
    grid = affine_grid(parameters.sampling, list(pixels.shape), align_corners=False)
    return grid_sample(
        pixels / WHITE, grid, "bilinear", _PADDING[parameters.fill], align_corners=False
    )
