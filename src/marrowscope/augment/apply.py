"""Apply drawn parameters to a batch: resample, then an affine map of the optical density.

Scaling and shifting the two stain concentrations of an image whose stain matrix is ``M`` maps its
optical density ``d`` to ``A·d + b`` with ``A = M·diag(alpha)·M⁻¹`` and ``b = M·beta``; the third
column of ``M`` is the direction that neither stain explains, and it is left as it is. So an
image needs one sampling pass and one 3×3 product per pixel.
"""

import torch
from torch.nn.functional import affine_grid, grid_sample

from marrowscope.augment.parameters import Parameters
from marrowscope.stain import WHITE

_PADDING = {"reflect": "reflection", "border": "border"}


def augment_batch(
    images: torch.Tensor, stains: torch.Tensor, parameters: Parameters
) -> torch.Tensor:
    """Augment a batch.

    Args:
        images: (N, H, W, 3) uint8 RGB.
        stains: (N, 6) float32 stain vectors of each image (``marrowscope.stain``).
        parameters: one draw per image, on the same device.

    Returns:
        (N, 3, H, W) float32 RGB in [0, 1], channels-last in memory.
    """
    colour, offset = density_map(stains, parameters)
    sampled = _resample(images, parameters)
    density = -torch.log(torch.clamp(sampled, min=1.0 / WHITE))
    n, _, height, width = density.shape
    flat = density.permute(0, 2, 3, 1).reshape(n, height * width, 3)
    changed = torch.baddbmm(offset[:, None, :], flat, colour.transpose(1, 2))
    light = torch.exp(-changed).clamp_(0.0, 1.0)
    return light.reshape(n, height, width, 3).permute(0, 3, 1, 2)


def density_map(stains: torch.Tensor, parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
    """The map ``d -> A·d + b`` of each image: A (N, 3, 3) and b (N, 3), float32.

    The small matrices are computed in float64: two stain vectors may lie only a few degrees
    apart.
    """
    vectors = stains.double().reshape(-1, 2, 3)
    rest = torch.nn.functional.normalize(torch.linalg.cross(vectors[:, 0], vectors[:, 1]), dim=1)
    matrix = torch.stack((vectors[:, 0], vectors[:, 1], rest), dim=2)
    scale = torch.nn.functional.pad(parameters.stain_scale.double(), (0, 1), value=1.0)
    shift = torch.nn.functional.pad(parameters.stain_shift.double(), (0, 1), value=0.0)
    colour = (matrix * scale[:, None, :]) @ torch.linalg.inv(matrix)
    offset = (matrix @ shift[:, :, None])[:, :, 0] + parameters.light.double()
    return colour.float(), offset.float()


def _resample(images: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    """Sample intensities bilinearly; (N, 3, H, W) float32 in [0, 1], channels-last."""
    pixels = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
    grid = affine_grid(parameters.sampling, list(pixels.shape), align_corners=False)
    return grid_sample(
        pixels / WHITE, grid, "bilinear", _PADDING[parameters.fill], align_corners=False
    )
