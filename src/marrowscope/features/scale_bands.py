"""Grey planes → structure by scale: bands of Gaussians, gradients, granulometry, Gabor.

Bands are differences of Gaussians; granulometry is what openings and closings by discs take away
(Matheron 1975); Gabor filters are one-sided Gaussians in the frequency plane (Jain & Farrokhnia
1991), of which mean and anisotropy over four orientations are kept.
"""

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from marrowscope.features.feature_names import Feature, features_by_region
from marrowscope.features.image_planes import HALF_MICRONS, PLANES, REGIONS, STRUCTURED, ImagePlanes
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL

_SIGMAS = (0.0, 0.8, 1.6, 3.2, 6.4)  # px at half size
_BAND_STATISTICS = (
    ("sd", "grey", "standard deviation"),
    ("magnitude", "grey", "mean magnitude"),
    ("mean", "grey", "mean"),
    ("skewness", "1", "skewness"),
    ("bright", "1", "share beyond 1 sd above the mean"),
)
_RADII = (1, 2, 3, 5, 7)  # px at half size
_GABOR_SIZE = 96
_GABOR_MICRONS = INPUT_SIZE * MICRONS_PER_PIXEL / _GABOR_SIZE
_WAVELENGTHS = (3.0, 5.0, 9.0, 16.0)  # px at Gabor size
_ORIENTATIONS = 4


def features() -> list[Feature]:
    """Names, in the order of ``values``."""
    bands = [
        (
            f"band{place}.{name}",
            f"of {name} between blurs of {low * HALF_MICRONS:.2f} and {high * HALF_MICRONS:.2f} µm",
        )
        for place, (low, high) in enumerate(pairwise(_SIGMAS), 1)
        for name in PLANES
    ] + [(f"gradient.{name}", f"of the gradient of {name}") for name in PLANES]
    sieves = [
        (f"granulometry.{kind}.r{radius}", f"by {kind}ing, disc of {radius * HALF_MICRONS:.2f} µm")
        for kind in ("open", "clos")
        for radius in _RADII
    ]
    taken = [(name, "grey", f"mean {name} taken away") for name in STRUCTURED]
    gabor = [
        (f"gabor.w{place}.{name}", f"of {name} at wavelength {length * _GABOR_MICRONS:.2f} µm")
        for name in STRUCTURED
        for place, length in enumerate(_WAVELENGTHS, 1)
    ]
    energy = [
        ("energy", "grey", "mean Gabor magnitude"),
        ("sd", "grey", "standard deviation of the Gabor magnitude"),
        ("anisotropy", "1", "(largest − smallest) / mean Gabor magnitude over orientations"),
    ]
    return (
        features_by_region(REGIONS, bands, _BAND_STATISTICS)
        + features_by_region(REGIONS, sieves, taken)
        + features_by_region(REGIONS, gabor, energy)
    )


def values(view: ImagePlanes) -> NDArray[np.float64]:
    """Numbers in the order of ``features``; NaN for regions without pixels."""
    masks = _masks(view.half_label)
    return np.concatenate([_bands(view), _sieves(view, masks), _gabor(view)])


def _masks(label: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
    return [label > 0, label == 2, label == 1]


def _bands(view: ImagePlanes) -> NDArray[np.float64]:
    picture = np.ascontiguousarray(view.half.transpose(1, 2, 0)).astype(np.float32)
    smooth = [picture] + [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in _SIGMAS[1:]]
    layers = [low - high for low, high in pairwise(smooth)]
    across, along = (
        cv2.Sobel(smooth[1], cv2.CV_32F, *way, scale=0.125) for way in ((1, 0), (0, 1))
    )
    # Not OpenCV's, whose last digit depends on where in memory the arrays lie.
    layers.append(np.sqrt(across * across + along * along))
    # (n, layers × planes), those of the nucleus first
    nucleus, cytoplasm = (
        np.concatenate([layer[mask] for layer in layers], axis=1).astype(np.float64)
        for mask in _masks(view.half_label)[1:]
    )
    parts, pixels = len(nucleus), np.concatenate([nucleus, cytoplasm])
    square = pixels * pixels
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, second, third, magnitude = (
            _region_means(numbers, parts)
            for numbers in (pixels, square, square * pixels, np.abs(pixels))
        )
        sd = np.sqrt(np.maximum(second - mean**2, 0))
        skewness = (third - 3 * mean * second + 2 * mean**3) / np.maximum(sd, 1e-2) ** 3
        bright = np.stack(
            [
                np.count_nonzero(region > limit, axis=0) / np.float64(len(region))
                for region, limit in zip(
                    (pixels, pixels[:parts], pixels[parts:]), mean + sd, strict=True
                )
            ]
        )
    return np.stack([sd, magnitude, mean, skewness, bright], axis=-1).ravel()


def _region_means(numbers: NDArray[np.float64], nucleus: int) -> NDArray[np.float64]:
    """Means of cell, nucleus and cytoplasm.

    Not as a product of matrices: the order in which BLAS adds depends on the number of threads.

    Args:
        numbers: (n, F); those of the nucleus come first.
        nucleus: how many they are.

    Returns:
        (3, F); NaN for a region without pixels.
    """
    inner, outer = numbers[:nucleus].sum(axis=0), numbers[nucleus:].sum(axis=0)
    counts = np.array([len(numbers), nucleus, len(numbers) - nucleus], np.float64)
    return np.stack([inner + outer, inner, outer]) / counts[:, None]


def _sieves(view: ImagePlanes, masks: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    planes = np.ascontiguousarray(view.structured().transpose(1, 2, 0))
    taken = []
    for kind in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE):
        for radius in _RADII:
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
            taken.append(cv2.absdiff(planes, cv2.morphologyEx(planes, kind, disc)))
    return _means(np.stack(taken), masks).ravel()


def _means(layers: NDArray[np.uint8], masks: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """(L, H, W, P) → (regions, L, P)."""
    return np.stack(
        [
            layers[:, mask].mean(axis=1)
            if mask.any()
            else np.full((len(layers), layers.shape[3]), np.nan)
            for mask in masks
        ]
    )


def _gabor(view: ImagePlanes) -> NDArray[np.float64]:
    size = (_GABOR_SIZE, _GABOR_SIZE)
    label = cv2.resize(view.half_label, size, interpolation=cv2.INTER_NEAREST)
    planes = np.stack(
        [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in view.structured()]
    ).astype(np.float32)
    spectrum = fft.fft2(planes - planes.mean(axis=(1, 2), keepdims=True))
    answers = np.abs(fft.ifft2(spectrum[:, None] * _bank()[None]))  # (P, filters, H, W)
    regions = _masks(np.asarray(label, np.uint8))[1:]
    inner, outer = (answers[:, :, mask].astype(np.float64) for mask in regions)
    parts, pixels = inner.shape[-1], np.concatenate([inner, outer], axis=-1)
    pixels = np.ascontiguousarray(pixels.reshape(-1, pixels.shape[-1]).T)
    grid = (3, len(planes), len(_WAVELENGTHS), _ORIENTATIONS)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _region_means(pixels, parts).reshape(grid)
        square = _region_means(pixels * pixels, parts).reshape(grid)
    overall = mean.mean(axis=-1)
    sd = np.sqrt(np.maximum(square.mean(axis=-1) - overall**2, 0))
    anisotropy = np.ptp(mean, axis=-1) / np.maximum(overall, 1e-6)
    return np.stack([overall, sd, anisotropy], axis=-1).ravel()


@cache
def _bank() -> NDArray[np.float32]:
    """Transfer functions, (wavelengths × orientations, H, W)."""
    line = np.fft.fftfreq(_GABOR_SIZE)
    down, right = np.meshgrid(line, line, indexing="ij")
    filters = []
    for wavelength in _WAVELENGTHS:
        for way in range(_ORIENTATIONS):
            angle = way * np.pi / _ORIENTATIONS
            along = right * np.cos(angle) + down * np.sin(angle) - 1 / wavelength
            across = down * np.cos(angle) - right * np.sin(angle)
            width = 0.4 / wavelength
            filters.append(2 * np.exp(-(along**2 + across**2) / (2 * width**2)))
    return np.stack(filters).astype(np.float32)
