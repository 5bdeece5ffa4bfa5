"""An image and its segmentation → the grey planes and regions that are measured."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.features.cell_segmentation import Segmentation
from marrowscope.features.masks import Mask
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL
from marrowscope.stain import default_stain, estimate_stain, optical_density

PLANES: tuple[str, ...] = (
    "red",
    "green",
    "blue",
    "hue",
    "saturation",
    "value",
    "lightness",
    "lab_a",
    "lab_b",
    "azure",
    "eosin",
    "density",
)
# Texture is measured where planes tell different things.
TEXTURED: tuple[str, ...] = ("green", "saturation", "lab_a", "lab_b", "azure", "eosin")
STRUCTURED: tuple[str, ...] = ("green", "azure", "eosin")
REGIONS: tuple[str, ...] = ("cell", "nucleus", "cytoplasm")
# Stain concentrations and densities of 2.5 (natural log) and more are white in their plane.
FULL = 255.0 / 2.5
# Half size, for whatever is coarser than chromatin.
HALF = INPUT_SIZE // 2
HALF_MICRONS = 2 * MICRONS_PER_PIXEL


@dataclass(frozen=True)
class ImagePlanes:
    """An image ready to be measured.

    Attributes:
        planes: (P, 250, 250) uint8 in the order of ``PLANES``.
        label: (250, 250) uint8: 2 nucleus, 1 cytoplasm, 0 elsewhere.
        half, half_label: both at half size.
        box: rows and columns of the cell with a margin.
        segmentation: where the cell lies.
    """

    planes: NDArray[np.uint8]
    label: NDArray[np.uint8]
    half: NDArray[np.uint8]
    half_label: NDArray[np.uint8]
    box: tuple[slice, slice]
    segmentation: Segmentation

    def textured(self) -> NDArray[np.uint8]:
        """The planes of ``TEXTURED``, cut to the box."""
        places = [PLANES.index(name) for name in TEXTURED]
        return np.ascontiguousarray(self.planes[(places, *self.box)])

    def structured(self) -> NDArray[np.uint8]:
        """The planes of ``STRUCTURED`` at half size."""
        return self.half[[PLANES.index(name) for name in STRUCTURED]]


def image_planes(image: NDArray[np.uint8], segmentation: Segmentation) -> ImagePlanes:
    """Compute all planes of an image, (250, 250, 3) uint8 RGB."""
    planes = _planes(image)
    label = segmentation.cell.astype(np.uint8) + segmentation.nucleus
    half = np.stack(
        [cv2.resize(plane, (HALF, HALF), interpolation=cv2.INTER_AREA) for plane in planes]
    )
    half_label = cv2.resize(label, (HALF, HALF), interpolation=cv2.INTER_NEAREST)
    return ImagePlanes(
        planes,
        label,
        np.asarray(half, np.uint8),
        np.asarray(half_label, np.uint8),
        _box(segmentation.cell),
        segmentation,
    )


def _planes(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    # Blue, violet and red lie beside each other, and the seam of the circle in the greens.
    hue = (hsv[..., 0].astype(np.int16) - 85) % 256
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    density = optical_density(image)
    stains = _unmixing(image)
    # Written out: a product of matrices is rounded as BLAS, threads and processor have it.
    red, green, blue = (density[..., channel, None] for channel in range(3))
    concentrations = np.clip(red * stains[0] + green * stains[1] + blue * stains[2], 0, 2.5)
    parts = (
        image[..., 0],
        image[..., 1],
        image[..., 2],
        hue,
        hsv[..., 1],
        hsv[..., 2],
        lab[..., 0],
        lab[..., 1],
        lab[..., 2],
        concentrations[..., 0] * FULL,
        concentrations[..., 1] * FULL,
        np.minimum(density.mean(axis=2), 2.5) * FULL,
    )
    return np.stack([np.asarray(part).astype(np.uint8) for part in parts])


def _unmixing(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """From density to the concentrations of the image's own two stains, (3, 2)."""
    stain = estimate_stain(np.ascontiguousarray(image[::2, ::2]))
    vectors = stain.reshape(2, 3).astype(np.float64)
    if not np.isfinite(vectors).all():
        vectors = default_stain().reshape(2, 3).astype(np.float64)
    return np.linalg.pinv(vectors).astype(np.float32)


def _box(cell: Mask) -> tuple[slice, slice]:
    sides = []
    for axis in (1, 0):
        used = np.flatnonzero(cell.any(axis=axis))
        sides.append(slice(max(0, int(used[0]) - 8), int(used[-1]) + 9))
    return sides[0], sides[1]
