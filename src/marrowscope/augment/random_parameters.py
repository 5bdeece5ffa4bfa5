"""Seed, epoch and positions → the random parameters of these images.

No generator state exists that a resumed run would have to restore, and an image gets the same
draw whatever batch, worker or device it lands on.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.augment.augmentation_settings import AugmentationSettings

_DRAWS = 13


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
    """

    sampling: torch.Tensor
    stain_scale: torch.Tensor
    stain_shift: torch.Tensor
    light: torch.Tensor
    fill: str

    def to(self, device: torch.device) -> "AugmentationParameters":
        """Copy to a device."""
        return AugmentationParameters(
            self.sampling.to(device, non_blocking=True),
            self.stain_scale.to(device, non_blocking=True),
            self.stain_shift.to(device, non_blocking=True),
            self.light.to(device, non_blocking=True),
            self.fill,
        )


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
    )


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
