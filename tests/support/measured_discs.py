"""A cell that is a disc with a disc as its nucleus, in planes of even grey."""

from collections.abc import Callable

import numpy as np

from marrowscope.features import Segmentation
from marrowscope.features.feature_names import Feature
from marrowscope.features.image_planes import ImagePlanes, image_planes
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL

MIDDLE = (INPUT_SIZE - 1) / 2
CELL, NUCLEUS = 6.0, 4.0  # radii, µm


def disc(microns: float) -> np.ndarray:
    """(250, 250) bool, in the middle."""
    rows, columns = np.ogrid[:INPUT_SIZE, :INPUT_SIZE]
    return np.hypot(rows - MIDDLE, columns - MIDDLE) * MICRONS_PER_PIXEL < microns


def disc_cell(cytoplasm: int = 150, nucleus: int = 50, around: int = 250) -> ImagePlanes:
    """Grey levels of the three regions, the same in red, green and blue."""
    inside, cell = disc(NUCLEUS), disc(CELL)
    grey = np.where(inside, nucleus, np.where(cell, cytoplasm, around)).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, axis=2)
    return image_planes(image, Segmentation(cell, inside, False))


def by_name(
    features: Callable[[], list[Feature]],
    values: Callable[[ImagePlanes], np.ndarray],
    view: ImagePlanes,
) -> dict[str, float]:
    """What a family of features measures, by name."""
    names = [feature.name for feature in features()]
    found = values(view)
    assert len(set(names)) == len(names) == len(found)
    return dict(zip(names, found.tolist(), strict=True))
