"""Optical density and the two stains of a Romanowsky-stained cell image.

Light that passes a stained cell obeys Beer–Lambert: intensity ``I = I0 · exp(-OD)``, and the
optical density of a pixel is a sum of stain vectors weighted by stain concentrations. Macenko et
al. (ISBI 2009) find the two vectors of one image from the extreme directions of its pixels in the
plane of the two leading principal components. Optical density here is the natural logarithm.

Order, written down once: the haematoxylin-like stain (azure, blue–violet, absorbs red) comes
first, the eosin-like stain (pink, lets red pass) second.
"""

import numpy as np
from numpy.typing import NDArray

# White light of an 8-bit image. The public images are white-balanced so that empty background
# lies close to it.
WHITE = 255.0

# Pixels whose optical density is lower in every channel are background (Macenko: beta = 0.15).
BACKGROUND_DENSITY = 0.15
# The extreme directions are taken at these percentiles of the angle (Macenko: alpha = 1).
ANGLE_PERCENTILES = (1.0, 99.0)
# With fewer stained pixels than this share of the image there is nothing to estimate from.
MIN_STAINED_SHARE = 0.01
# Background is never taken for darker than this (0 to 255), so that black stays finite.
DARKEST_BACKGROUND = 30.0
# Two vectors that lie closer than this, in degrees, come from a single stain: unmixing with them
# would multiply noise.
MIN_ANGLE_DEGREES = 5.0

# May-Grünwald-Giemsa as the public bone-marrow images show it: median over the sample of the
# vectors estimated by ``estimate_stain`` (3,050 images, rounded, unit length). Taken where an
# image gives no estimate of its own.
DEFAULT_STAIN: tuple[float, ...] = (0.6787, 0.7019, 0.2161, 0.4563, 0.8778, 0.1455)


def optical_density(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Optical density of an RGB image, natural log, same shape, float32 in [0, ln 255].

    Intensity 0 is taken as 1, so that black stays finite.
    """
    table = -np.log(np.maximum(np.arange(256, dtype=np.float64), 1.0) / WHITE)
    density: NDArray[np.float32] = table.astype(np.float32)[image]
    return density


def default_stain() -> NDArray[np.float32]:
    """The fallback stain vectors, (6,) float32: haematoxylin-like R, G, B, eosin-like R, G, B."""
    return np.array(DEFAULT_STAIN, dtype=np.float32)


def estimate_stain(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Estimate the two stain vectors of one image (Macenko et al. 2009, section 3).

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (6,) float32: unit vector of the haematoxylin-like stain, then of the eosin-like stain.
        All components are non-negative. Blank, black, constant and nearly unstained images, and
        images with a single stain direction, give ``default_stain()``.
    """
    stained = _stained_pixels(image)
    if len(stained) < max(3, MIN_STAINED_SHARE * image.shape[0] * image.shape[1]):
        return default_stain()
    plane = _leading_plane(stained)
    if plane is None:
        return default_stain()
    first, second = _extreme_directions(stained, plane)
    if not _are_two_stains(first, second):
        return default_stain()
    return np.concatenate(_haematoxylin_first(first, second)).astype(np.float32)


def is_default(stain: NDArray[np.float32]) -> bool:
    """Whether these vectors are the documented fallback rather than an estimate."""
    return bool(np.allclose(stain, default_stain(), atol=1e-6))


def _stained_pixels(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Optical densities (K, 3) of pixels that are stained and not clipped to black."""
    pixels = optical_density(image).reshape(-1, 3)
    keep = (pixels >= BACKGROUND_DENSITY).all(axis=1) & (image.reshape(-1, 3) > 0).all(axis=1)
    selected: NDArray[np.float32] = pixels[keep]
    return selected


def _leading_plane(pixels: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Two leading principal axes (3, 2) of optical density, or None for a flat cloud."""
    centred = pixels - pixels.mean(axis=0)
    covariance = (centred.T @ centred).astype(np.float64) / len(pixels)
    values, axes = np.linalg.eigh(covariance)
    # Less than one grey level of variation along the second axis: constant patch or one stain.
    if values[1] < 1e-6:
        return None
    plane: NDArray[np.float64] = axes[:, [2, 1]]
    # Signs of eigenvectors are arbitrary. Let the mean pixel lie on the positive side, so that
    # no angle wraps around.
    plane *= np.where(pixels.mean(axis=0) @ plane < 0, -1.0, 1.0)
    return plane


def _extreme_directions(
    pixels: NDArray[np.float32], plane: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors at the lowest and highest angle of the pixels in the plane, clipped to >= 0."""
    along, across = (pixels @ plane.astype(np.float32)).T
    low, high = np.percentile(np.arctan2(across, along), ANGLE_PERCENTILES)
    return tuple(_unit(plane @ (np.cos(angle), np.sin(angle))) for angle in (low, high))  # type: ignore[return-value]  # two angles give two vectors


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    vector = np.maximum(vector, 0.0)  # a stain cannot emit light
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _are_two_stains(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    if not (first.any() and second.any()):
        return False
    cosine = float(np.clip(first @ second, -1.0, 1.0))
    return bool(np.degrees(np.arccos(cosine)) >= MIN_ANGLE_DEGREES)


def _haematoxylin_first(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Order by the share of red light that a stain takes away; eosin lets red pass."""
    shares = first[0] / first.sum(), second[0] / second.sum()
    return (first, second) if shares[0] >= shares[1] else (second, first)


def background_colour(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Median colour of the brightest tenth of the pixels, judged by their darkest channel, (3,).

    Every 16th pixel is looked at. Never below ``DARKEST_BACKGROUND``, so that black stays finite.
    """
    pixels = image[::4, ::4].reshape(-1, 3)
    darkest = pixels.min(axis=1)
    bright = pixels[darkest >= np.percentile(darkest, 90)]
    colour: NDArray[np.float32] = np.maximum(np.median(bright, axis=0), DARKEST_BACKGROUND).astype(
        np.float32
    )
    return colour
