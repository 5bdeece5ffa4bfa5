"""An augmented batch → the same through another lens, and with the cell's surroundings hidden.

Both are done on the finished images and cost nothing where a recipe does not ask for them.
"""

import torch
from torch.nn.functional import conv2d, pad

from marrowscope.augment.augmentation_parameters import AugmentationParameters

SIGMA = 1.5  # px, of the blurred image that detail is measured against
_REACH = 4  # px; the kernel ends where it has fallen to 3 %


def changed_optics_and_surroundings(
    images: torch.Tensor, parameters: AugmentationParameters
) -> torch.Tensor:
    """Change detail and hide surroundings, as far as they were drawn.

    Args:
        images: (N, 3, H, W) RGB in [0, 1], channels-last in memory.
        parameters: one draw per image, on the same device.

    Returns:
        The same shape, type and memory format.
    """
    if parameters.sharpness is not None:
        images = with_detail(images, parameters.sharpness)
    if parameters.visible_radius is not None and parameters.background is not None:
        images = with_surroundings_hidden(
            images, parameters.centre, parameters.visible_radius, parameters.background
        )
    return images


def with_detail(images: torch.Tensor, sharpness: torch.Tensor) -> torch.Tensor:
    """What an image has more than its blurred self, times ``1 + sharpness`` (unsharp masking).

    Args:
        images: (N, 3, H, W) in [0, 1].
        sharpness: (N,) from −1 (blurred) to 1 (twice the detail).
    """
    places = torch.arange(-_REACH, _REACH + 1, device=images.device)
    weights = torch.exp(-(places**2) / (2 * SIGMA**2))
    weights = (weights / weights.sum()).to(images.dtype)
    across = weights.expand(3, 1, 1, -1)
    edge = [_REACH] * 4
    with torch.autocast(images.device.type, enabled=False):
        blurred = conv2d(pad(images, edge, mode="reflect"), across, groups=3)
        blurred = conv2d(blurred, across.transpose(2, 3), groups=3)
        changed = images + sharpness.to(images.dtype)[:, None, None, None] * (images - blurred)
    return changed.clamp(0.0, 1.0).contiguous(memory_format=torch.channels_last)


def with_surroundings_hidden(
    images: torch.Tensor, centre: torch.Tensor, radius: torch.Tensor, background: torch.Tensor
) -> torch.Tensor:
    """One colour outside a circle around the cell.

    Args:
        images: (N, 3, H, W).
        centre: (N, 2) x and y of the cell, where the image spans −1..1.
        radius: (N,) in the same units; infinite = nothing is hidden.
        background: (N, 3) colour.
    """
    height, width = images.shape[2:]
    rows, columns = (
        (torch.arange(side, device=images.device) + 0.5) * (2 / side) - 1
        for side in (height, width)
    )
    across = (columns - centre[:, :1]) ** 2
    down = (rows - centre[:, 1:]) ** 2
    hidden = across[:, None, :] + down[:, :, None] > (radius**2)[:, None, None]
    colour = background.to(images.dtype)[:, :, None, None]
    return torch.where(hidden[:, None], colour, images)
