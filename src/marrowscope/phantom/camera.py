"""From stain concentrations to what a camera records: Beer–Lambert, light, optics, noise.

An ``ImagingStyle`` is what the images of one patient (one slide, one staining run, one microscope)
have in common; each image varies around it.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.phantom.shapes import Field

# Unit-free directions of optical density R, G, B. The first two lie where the public images have
# theirs (medians of a Macenko estimate: 0.68 0.70 0.22 and 0.46 0.88 0.15), a little further
# apart, because an estimate from percentiles lies inside the true pair.
_AZURE = (0.74, 0.65, 0.19)
_EOSIN = (0.43, 0.89, 0.14)
_PIGMENT = (0.20, 0.62, 0.76)

# Two lights seen in the public images: white background, and a dimmer olive-grey one.
_BRIGHT = (240.0, 238.0, 248.0)
_DIM = (160.0, 161.0, 154.0)


@dataclass(frozen=True)
class ImagingStyle:
    """Stain and light of one image.

    Attributes:
        stain: (6,) float32, unit vectors: azure R, G, B, then eosin R, G, B.
        pigment: (3,) float32 unit vector.
        gains: factors on the three concentrations.
        light: empty background R, G, B in [0, 255].
        gradient: relative fall-off (x, y) from edge to edge.
        blur: standard deviation of the point spread, µm.
        noise: standard deviation at the background, grey levels.
        plasma: mean concentration of the film between cells.
        crowding: factor on the number of red cells and neighbours.
    """

    stain: NDArray[np.float32]
    pigment: NDArray[np.float32]
    gains: tuple[float, float, float]
    light: tuple[float, float, float]
    gradient: tuple[float, float]
    blur: float
    noise: float
    plasma: float
    crowding: float


def draw_style(rng: np.random.Generator) -> ImagingStyle:
    """The style of one patient."""
    azure, eosin = _near(_AZURE, 0.025, rng), _near(_EOSIN, 0.025, rng)
    gains = np.exp(rng.normal(0, (0.10, 0.10, 0.15))).tolist()
    dim = bool(rng.random() < 0.33)
    base = np.array(_DIM if dim else _BRIGHT)
    light = np.clip(base * np.exp(rng.normal(0, 0.02) + rng.normal(0, 0.015, 3)), 60, 254)
    return ImagingStyle(
        stain=np.concatenate([azure, eosin]).astype(np.float32),
        pigment=_near(_PIGMENT, 0.02, rng).astype(np.float32),
        gains=(gains[0], gains[1], gains[2]),
        light=_triple(light),
        gradient=(0.0, 0.0),
        blur=float(rng.uniform(0.07, 0.13)),
        noise=float(rng.uniform(1.2, 3.2)),
        plasma=float(rng.exponential(0.025)),
        crowding=float(rng.uniform(0.5, 1.4)),
    )


def vary_style(style: ImagingStyle, rng: np.random.Generator) -> ImagingStyle:
    """The style of one image of a patient: thickness of the smear, light, focus."""
    gains = np.array(style.gains) * np.exp(rng.normal(0, 0.07) + rng.normal(0, 0.04, 3))
    light = np.clip(np.array(style.light) * np.exp(rng.normal(0, 0.008, 3)), 60, 254)
    slope = rng.normal(0, 0.025, 2)
    return replace(
        style,
        gains=_triple(gains),
        light=_triple(light),
        gradient=(float(slope[0]), float(slope[1])),
        blur=style.blur * float(np.exp(rng.normal(0, 0.15))) + 0.04 * float(rng.exponential()),
        plasma=style.plasma * float(rng.uniform(0.5, 1.5)),
    )


def stain_matrix(style: ImagingStyle) -> NDArray[np.float32]:
    """(3, 3): one row per layer, optical density R, G, B of concentration 1."""
    rows = np.concatenate([style.stain, style.pigment]).reshape(3, 3)
    return rows * np.array(style.gains, np.float32)[:, None]


def transmitted_light(layers: Field, style: ImagingStyle) -> Field:
    """Noise-free intensities (H, W, 3) float32 in [0, 255]: Beer–Lambert under even light."""
    intensity: Field = np.stack(transmitted_planes(layers, style), axis=-1)
    return intensity


def transmitted_planes(layers: Field, style: ImagingStyle) -> list[Field]:
    """The same as three planes (H, W): red, green, blue."""
    # Plane by plane: a matrix product of this shape would wake all threads of the BLAS, and its
    # rounding differs between machines.
    planes = []
    for channel, light in zip(stain_matrix(style).T.tolist(), style.light, strict=True):
        density = layers[0] * channel[0]
        density += layers[1] * channel[1]
        density += layers[2] * channel[2]
        np.negative(density, out=density)
        np.exp(density, out=density)
        density *= np.float32(light)
        planes.append(density)
    return planes


def record_image(
    layers: Field, style: ImagingStyle, microns_per_pixel: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Photograph concentrations (3, H, W): (H, W, 3) uint8 RGB."""
    image = transmitted_light(layers, style)
    height, width = image.shape[:2]
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32) * style.gradient[0]
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32) * style.gradient[1]
    image *= (1.0 + across[None, :] + down[:, None])[..., None]
    sigma = style.blur / microns_per_pixel
    if sigma > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    # Photon noise grows with the root of the signal; read-out noise stays.
    image += grain * (style.noise * np.sqrt(0.15 + image * (0.85 / 255)))
    pixels: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels


def _near(vector: tuple[float, ...], sd: float, rng: np.random.Generator) -> NDArray[np.float64]:
    moved = np.maximum(np.array(vector) + rng.normal(0, sd, 3), 0.02)
    unit: NDArray[np.float64] = moved / np.linalg.norm(moved)
    return unit


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    first, second, third = values.tolist()
    return first, second, third
