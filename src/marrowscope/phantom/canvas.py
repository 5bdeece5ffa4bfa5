"""A canvas of two stain amounts, and the camera that turns it into an image.

The canvas holds how much haematoxylin-like (azure) and eosin-like stain lies at every pixel. The
camera multiplies by the stain vectors, adds lamp and lens, and counts photons (Beer–Lambert), so
the stain truth of every phantom is known exactly.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.phantom.shapes import Mask


@dataclass
class Canvas:
    """Two layers (side, side) float32 of stain amounts; drawing adds cells on top."""

    azure: NDArray[np.float32]
    eosin: NDArray[np.float32]

    @property
    def side(self) -> int:
        """Width and height, px."""
        return int(self.azure.shape[0])

    def cover(self, mask: Mask, azure: object, eosin: object, opacity: float = 1.0) -> None:
        """Replace what lies under the mask, as far as it is opaque."""
        weight = mask * np.float32(opacity)
        self.azure += weight * (np.asarray(azure, np.float32) - self.azure)
        self.eosin += weight * (np.asarray(eosin, np.float32) - self.eosin)

    def add(self, mask: Mask, azure: float, eosin: float) -> None:
        """Add stain on top of what is there."""
        self.azure += mask * np.float32(azure)
        self.eosin += mask * np.float32(eosin)


def blank(side: int) -> Canvas:
    """An empty canvas."""
    return Canvas(np.zeros((side, side), np.float32), np.zeros((side, side), np.float32))


def noise(random: np.random.Generator, side: int, grain: float) -> NDArray[np.float32]:
    """Smooth noise of mean 0 and standard deviation 1 whose grains are about ``grain`` px wide."""
    small = max(4, round(side / max(grain, 1.0)) + 3)
    coarse = random.standard_normal((small, small), dtype=np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    smooth = np.asarray(smooth, dtype=np.float32)
    result: NDArray[np.float32] = (smooth - smooth.mean()) / max(float(smooth.std()), 1e-6)
    return result


@dataclass(frozen=True)
class Optics:
    """Stain and light of one smear.

    Attributes:
        stain: (6,) unit vectors of optical density: haematoxylin-like R, G, B, eosin-like R, G, B.
        strength: factor on all stain.
        lamp: (3,) optical density of empty background per channel.
        gradient: change of optical density over half the field.
        blur: standard deviation of the lens in px.
        photons: electrons of a white pixel; fewer mean more noise.
    """

    stain: NDArray[np.float32]
    strength: float
    lamp: NDArray[np.float32]
    gradient: float
    blur: float
    photons: float


# Azure and eosin of a May-Grünwald-Giemsa smear, optical density in R, G, B.
_AZURE, _EOSIN = (0.66, 0.71, 0.24), (0.22, 0.86, 0.46)


def draw_optics(random: np.random.Generator) -> Optics:
    """Stain, lamp and lens as they vary from smear to smear."""
    vectors = np.array([_AZURE, _EOSIN]) + random.normal(0, 0.025, (2, 3))
    vectors = np.clip(vectors, 0.02, None)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Optics(
        stain=vectors.reshape(6).astype(np.float32),
        strength=float(random.uniform(0.85, 1.25)),
        lamp=(random.uniform(0.02, 0.22) + random.normal(0, 0.02, 3)).clip(0).astype(np.float32),
        gradient=float(random.uniform(0, 0.05)),
        blur=float(random.uniform(0.5, 1.1)),
        photons=float(random.uniform(4000, 12000)),
    )


def photograph(
    random: np.random.Generator, canvas: Canvas, optics: Optics, defocus: float = 0.0
) -> NDArray[np.uint8]:
    """Expose the canvas: (side, side, 3) uint8 RGB."""
    side = canvas.side
    layers = np.stack([canvas.azure, canvas.eosin], axis=2) * np.float32(optics.strength)
    density = np.maximum(layers, 0) @ optics.stain.reshape(2, 3)
    turn = random.uniform(0, 2 * np.pi)
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    slope = axis[None, :] * np.cos(turn) + axis[:, None] * np.sin(turn)
    density += optics.lamp + np.float32(optics.gradient) * slope[..., None].astype(np.float32)
    light = np.exp(-density)
    sigma = float(np.hypot(optics.blur, defocus))
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), sigma), dtype=np.float32)
    grain = random.standard_normal(light.shape, dtype=np.float32)
    light += grain * np.sqrt(np.maximum(light, 0.002) / np.float32(optics.photons))
    exposed: NDArray[np.uint8] = np.clip(np.round(light * 255), 0, 255).astype(np.uint8)
    return exposed
