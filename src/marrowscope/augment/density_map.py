"""Stain vectors and drawn parameters → the affine map of optical density that they mean.

Scaling and shifting the two stain concentrations of an image whose stain matrix is ``M`` maps its
optical density ``d`` to ``A·d + b`` with ``A = M·diag(alpha)·M⁻¹`` and ``b = M·beta``; the third
column of ``M`` is the direction that neither stain explains, and it is left as it is. So an
image needs one sampling pass and one 3×3 product per pixel.
"""

import torch

from marrowscope.augment.random_parameters import AugmentationParameters


def density_map(
    stains: torch.Tensor, parameters: AugmentationParameters
) -> tuple[torch.Tensor, torch.Tensor]:
    """The map ``d -> A·d + b`` of each image: A (N, 3, 3) and b (N, 3), float32.

    The small matrices are computed in float64: two stain vectors may lie only a few degrees
    apart. The inverse is written out: torch's own makes the host wait for a GPU at every call.
    """
    first, second = stains.double().reshape(-1, 2, 3).unbind(dim=1)
    across = torch.linalg.cross(first, second)
    sine = torch.linalg.vector_norm(across, dim=1, keepdim=True)
    rest = across / sine
    matrix = torch.stack((first, second, rest), dim=2)
    rows = torch.linalg.cross(second, rest) / sine, torch.linalg.cross(rest, first) / sine, rest
    inverse = torch.stack(rows, dim=1)
    scale = torch.nn.functional.pad(parameters.stain_scale.double(), (0, 1), value=1.0)
    shift = torch.nn.functional.pad(parameters.stain_shift.double(), (0, 1), value=0.0)
    colour = (matrix * scale[:, None, :]) @ inverse
    offset = (matrix @ shift[:, :, None])[:, :, 0] + parameters.light.double()
    return colour.float(), offset.float()
