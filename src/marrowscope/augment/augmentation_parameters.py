"""Settings, seed, epoch and positions → random parameters of these images and their density map.

No generator state exists that a resumed run would have to restore, and an image gets the same
draw whatever batch, worker or device it lands on.

Scaling and shifting the two stain concentrations of an image whose stain matrix is ``M`` maps its
optical density ``d`` to ``A·d + b`` with ``A = M·diag(alpha)·M⁻¹`` and ``b = M·beta``; the third
column of ``M`` is the direction that neither stain explains, and it is left as it is. So an
image needs one sampling pass and one 3×3 product per pixel. An image that takes the colours of
another one, whose matrix is ``T``, has ``T`` in the place of the first ``M``.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.errors import InputError


@dataclass(frozen=True)
class AugmentationSettings:
    """Ranges of the augmentation; the defaults are the study's.

    Every quantity is drawn uniformly and independently for each image.

    Attributes:
        rotation_degrees: clockwise rotation in [0, rotation_degrees].
        flip_horizontal, flip_vertical: mirror with probability 1/2.
        shift: translation of each axis in ±shift, as a share of the image side.
        shear: horizontal shear in ±shear: the displacement of the top and bottom rows against
            each other, as a share of the image side.
        zoom: magnification in [1 - zoom, 1 + zoom]. The study has none.
        stain_scale: factor of each stain's concentration in 1 ± stain_scale (Tellez et al. 2018,
            sigma of alpha; default 0.2).
        stain_shift: offset of each stain's concentration in ±stain_shift, in units of optical
            density (Tellez et al. 2018, sigma of beta; default 0.2).
        light: offset of the optical density of each colour channel in ±light: lamp and white
            balance. The study has none.
        stain_transfer: share of the images that take the stain colours of another training image,
            of any laboratory with the same probability. The study has none.
        sharpness: factor of the fine detail in 1 ± sharpness: focus, lens, compression. The study
            has none.
        surroundings: share of the images in which everything but a circle around the cell is
            covered by one light colour, so that what lies beside a cell does not stand for its
            class. The study has none.
        fill: what lies outside the image: ``reflect`` or ``border`` (repeat the edge). The
            study does not say; we reflect.
    """

    rotation_degrees: float = 180.0
    flip_horizontal: bool = True
    flip_vertical: bool = True
    shift: float = 0.25
    shear: float = 0.2
    zoom: float = 0.0
    stain_scale: float = 0.2
    stain_shift: float = 0.2
    light: float = 0.0
    stain_transfer: float = 0.0
    sharpness: float = 0.0
    surroundings: float = 0.0
    fill: str = "reflect"

    def __post_init__(self) -> None:
        limits = {
            "rotation_degrees": 360.0,
            "shift": 0.5,
            "shear": 1.0,
            "zoom": 0.9,
            "stain_scale": 1.0,
            "stain_shift": 2.0,
            "light": 2.0,
            "stain_transfer": 1.0,
            "sharpness": 1.0,
            "surroundings": 1.0,
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in limits and not 0 <= value <= limits[field.name]:
                raise InputError(
                    f"augmentation: {field.name} is {value}; "
                    f"expected a number from 0 to {limits[field.name]:g}"
                )
        if self.fill not in ("reflect", "border"):
            raise InputError(f"augmentation: fill is {self.fill!r}; expected reflect or border")


_DRAWS = 19
# Of the circle that stays visible, where the image spans -1..1: 6.5 to 11 µm, which few cells pass.
_RADII = (0.6, 1.0)
_DARKEST = 0.7  # of the colour around it, per channel


@dataclass(frozen=True)
class AugmentationParameters:
    """One draw per image of a batch.

    Attributes:
        sampling: (N, 2, 3) float32; maps an output position (x, y, 1) to the input position,
            both in units where the image spans -1..1 between its outer edges.
        stain_scale: (N, 2) float32 factor of the concentration of each stain.
        stain_shift: (N, 2) float32 offset of the concentration of each stain, optical density.
        light: (N, 3) float32 offset of the optical density of R, G, B.
        fill: ``reflect`` or ``border``.
        centre: (N, 2) float32 place of what was in the middle of the image, where that spans -1..1.
        sharpness: (N,) float32 change of the fine detail; None = none is changed.
        visible_radius: (N,) float32 of the circle outside which all is covered, in the units of
            ``centre``, infinite where nothing is; None = nowhere.
        background: (N, 3) float32 colour around the circle, in [0, 1].
    """

    sampling: torch.Tensor
    stain_scale: torch.Tensor
    stain_shift: torch.Tensor
    light: torch.Tensor
    fill: str
    centre: torch.Tensor
    sharpness: torch.Tensor | None = None
    visible_radius: torch.Tensor | None = None
    background: torch.Tensor | None = None

    def to(self, device: torch.device) -> "AugmentationParameters":
        """Copy to a device."""
        tensors: dict[str, Any] = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **tensors)


def uniforms(
    seed: int, epoch: int, positions: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), (N, count), from a counter hashed by SplitMix64.

    Steele, Lea, Flood (OOPSLA 2014), the finalizer of SplitMix64; every output depends only on
    its own (seed, epoch, position, column).
    """
    with np.errstate(over="ignore"):
        key = _mix(np.uint64(seed % 2**63) + np.uint64(0x9E3779B97F4A7C15))
        key = _mix(key ^ np.uint64(epoch % 2**63) * np.uint64(0xD1342543DE82EF95))
        rows = _mix(key + positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        columns = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = _mix(rows[:, None] + columns[None, :])
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw_parameters(
    settings: AugmentationSettings, seed: int, epoch: int, positions: NDArray[np.int64]
) -> AugmentationParameters:
    """Draw the augmentation of the images at ``positions`` of a virtual epoch.

    Args:
        settings: the ranges.
        seed: of the run.
        epoch: 0-based.
        positions: (N,) index in the virtual epoch.
    """
    u = uniforms(seed, epoch, positions, _DRAWS)
    signed = 2.0 * u - 1.0
    forward = _forward(settings, u, signed)
    return AugmentationParameters(
        sampling=_as_float(np.linalg.inv(forward)[:, :2, :]),
        stain_scale=_as_float(1.0 + settings.stain_scale * signed[:, 6:8]),
        stain_shift=_as_float(settings.stain_shift * signed[:, 8:10]),
        light=_as_float(settings.light * signed[:, 10:13]),
        fill=settings.fill,
        centre=_as_float(forward[:, :2, 2]),
        sharpness=_as_float(settings.sharpness * signed[:, 13]) if settings.sharpness else None,
        **_surroundings(settings, u[:, 14:19]),
    )


def _surroundings(
    settings: AugmentationSettings, u: NDArray[np.float64]
) -> dict[str, torch.Tensor]:
    """Which images show the cell alone, how much of it, and on what colour; u: (N, 5)."""
    if not settings.surroundings:
        return {}
    radius = _RADII[0] + (_RADII[1] - _RADII[0]) * u[:, 1]
    radius[u[:, 0] >= settings.surroundings] = np.inf
    colour = _DARKEST + (1 - _DARKEST) * u[:, 2:]
    return {"visible_radius": _as_float(radius), "background": _as_float(colour)}


def _forward(
    settings: AugmentationSettings, u: NDArray[np.float64], signed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Input → output maps (N, 3, 3): flip, then shear, rotate and zoom, then shift."""
    angle = np.radians(settings.rotation_degrees * u[:, 0])
    cosine, sine = np.cos(angle), np.sin(angle)
    shear = settings.shear * signed[:, 4]
    zoom = 1.0 + settings.zoom * signed[:, 5]
    flip_x = np.where(settings.flip_horizontal & (u[:, 1] < 0.5), -1.0, 1.0)
    # The vertical flip shares nothing with the horizontal one: it uses the second half of the
    # same draw's digits.
    flip_y = np.where(settings.flip_vertical & ((u[:, 1] * 2.0) % 1.0 < 0.5), -1.0, 1.0)
    maps = np.zeros((len(u), 3, 3))
    # y points down, so this rotation is clockwise as seen.
    maps[:, 0, 0] = zoom * cosine * flip_x
    maps[:, 0, 1] = zoom * (cosine * shear - sine) * flip_y
    maps[:, 1, 0] = zoom * sine * flip_x
    maps[:, 1, 1] = zoom * (sine * shear + cosine) * flip_y
    # A shift by a share s of the side is 2s where the image spans -1..1.
    maps[:, 0, 2] = 2.0 * settings.shift * signed[:, 2]
    maps[:, 1, 2] = 2.0 * settings.shift * signed[:, 3]
    maps[:, 2, 2] = 1.0
    return maps


def _mix(value: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    value = np.asarray(value, dtype=np.uint64)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = value ^ (value >> np.uint64(31))
    return mixed


def _as_float(values: NDArray[np.floating]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def density_map(
    stains: torch.Tensor,
    parameters: AugmentationParameters,
    rendered: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The map ``d -> A·d + b`` of each image: A (N, 3, 3) and b (N, 3), float32.

    ``stains`` (N, 6) are those of the images, ``rendered`` (N, 6) those in which they are shown:
    the same ones if None.

    The small matrices are computed in float64: two stain vectors may lie only a few degrees
    apart. The inverse is written out: torch's own makes the host wait for a GPU at every call.
    """
    first, second, rest, sine = _directions(stains)
    shown = _directions(stains if rendered is None else rendered)[:3]
    matrix = torch.stack(shown, dim=2)
    rows = torch.linalg.cross(second, rest) / sine, torch.linalg.cross(rest, first) / sine, rest
    inverse = torch.stack(rows, dim=1)
    scale = torch.nn.functional.pad(parameters.stain_scale.double(), (0, 1), value=1.0)
    shift = torch.nn.functional.pad(parameters.stain_shift.double(), (0, 1), value=0.0)
    colour = (matrix * scale[:, None, :]) @ inverse
    offset = (matrix @ shift[:, :, None])[:, :, 0] + parameters.light.double()
    return colour.float(), offset.float()


def _directions(
    stains: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Both stains, the unit vector across them (N, 3 each), and the sine of their angle (N, 1)."""
    first, second = stains.double().reshape(-1, 2, 3).unbind(dim=1)
    across = torch.linalg.cross(first, second)
    sine = torch.linalg.vector_norm(across, dim=1, keepdim=True)
    return first, second, across / sine, sine
