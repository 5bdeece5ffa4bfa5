"""A crop → where its centre cell lies, and the nucleus.

What is dark in the density of chromatin (see ``chromatin``) is found by Otsu's threshold (IEEE
Trans. SMC 1979), the cell as the part of the stained foreground that a watershed (Meyer 1994) from
there reaches before it meets the neighbours' nuclei, red cells and empty background. The cell is
then parted into nucleus and cytoplasm. The choice of limits is our own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.features.chromatin import chromatin_density, nuclear_part
from marrowscope.features.masks import (
    Mask,
    components_above,
    disc,
    eroded,
    filled,
    largest,
    otsu,
    smoothed,
)
from marrowscope.stain import background_colour

# Work is done at half size: 0.17 µm per pixel shows every border that matters.
STEP = 2
# Limits of the first threshold (density of chromatin), and where a nucleus is simply dark.
MIN_NUCLEAR, MAX_NUCLEAR, DARKEST = 0.5, 1.35, 2.0
# A nucleus covers at least this many µm²; below, there is none in the middle.
PIXEL_AREA = (0.08625 * STEP) ** 2
MIN_NUCLEUS = 6.0 / PIXEL_AREA
# Parts of a nucleus smaller than this, against its largest, are granules or dirt.
MIN_LOBE = 0.08
# Two bodies are one where their common border lies deeper than this share of the shallower one.
NECK = 0.72
# Cytoplasm reaches no farther from the nucleus than this.
FAR_MICRONS = 6.5
# Limits of the green density below which glass is empty.
MIN_BACKGROUND, MAX_BACKGROUND = 0.07, 0.2
# Red cells: their share of chromatin in the green density lies this much below the cytoplasm's.
RED_CELL_STEP = 0.13
# The fallback: a central disc of a usual cell with a usual nucleus, as shares of the image's side.
CELL_SHARE, NUCLEUS_SHARE = 0.30, 0.20


@dataclass(frozen=True)
class Segmentation:
    """The centre cell of an image.

    Attributes:
        cell: (H, W) bool, the cell with its nucleus.
        nucleus: (H, W) bool, inside ``cell``.
        fallback: nothing was found in the middle; both masks are central discs.
    """

    cell: Mask
    nucleus: Mask
    fallback: bool

    @property
    def cytoplasm(self) -> Mask:
        """The cell without its nucleus."""
        return self.cell & ~self.nucleus


# Heights, markers (0: none) and what may be flooded, (H, W) each → which marker came first.
Flood = Callable[[NDArray[np.float32], NDArray[np.int32], Mask], NDArray[np.int32]]


def segment(image: NDArray[np.uint8], flood: Flood | None = None) -> Segmentation:
    """Find the centre cell.

    Args:
        image: (H, W, 3) uint8 RGB, the cell in its middle, 0.08625 µm/px at 250 px.
        flood: watershed; None: that of scikit-image, with which the features are defined.

    Returns:
        Masks of the image's size. Where no nucleus lies in the middle (empty image, artefact,
        smudge without body) both are central discs and ``fallback`` is set.

    Raises:
        InputError: not an (H, W, 3) uint8 image of at least 32 px a side.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"image: is {image.shape} {image.dtype}; expected (H, W, 3) uint8")
    height, width = image.shape[:2]
    if min(height, width) < 32:
        raise InputError(f"image: is {width}×{height} px; at least 32×32 are needed")
    size = (max(16, width // STEP), max(16, height // STEP))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    found = _segment_small(small, flood or _flood)
    if found is None:
        return _central_disc(height, width)
    nucleus, cell = (_enlarge(mask, width, height) for mask in found)
    return Segmentation(cell | nucleus, nucleus, False)


def _segment_small(small: NDArray[np.uint8], flood: Flood) -> tuple[Mask, Mask] | None:
    white = np.log(background_colour(small)).astype(np.float32)
    density = white - np.log(np.maximum(small, 1)).astype(np.float32)
    density = cv2.GaussianBlur(density, (0, 0), 1.0)
    chromatin = chromatin_density(density)
    middle = _distance_from_middle(chromatin.shape)
    threshold = _first_threshold(chromatin, middle)
    if threshold is None:
        return None
    core, others = _central_nucleus(smoothed(chromatin > threshold), middle, flood)
    if core is None:
        # Darker neighbours, or a dark rim, have set the threshold: what lies in the middle sets it.
        threshold = min(threshold, 0.6 * float(np.percentile(chromatin[middle < 0.3], 75)))
        if threshold < 0.5 * MIN_NUCLEAR:
            return None
        core, others = _central_nucleus(smoothed(chromatin > threshold), middle, flood)
    if core is None:
        return None
    cell = _cell_around(density, chromatin, core, others, threshold, flood)
    parted = nuclear_part(density, cell)
    if parted is None:
        return core, cell
    nucleus, cell = parted
    nucleus = components_above(nucleus, MIN_LOBE)
    return (nucleus if nucleus.sum() >= MIN_NUCLEUS else core), cell


def _first_threshold(chromatin: NDArray[np.float32], middle: NDArray[np.float32]) -> float | None:
    """Otsu's threshold of the middle: what is dark, be it nucleus or basophilic cytoplasm."""
    threshold = otsu(np.minimum(chromatin[middle < 0.62], DARKEST))
    dark = chromatin[(middle < 0.62) & (chromatin >= threshold)]
    if (
        dark.size == 0
        or float(chromatin.min()) > 0.5 * MAX_NUCLEAR
        or np.percentile(dark, 60) < MIN_NUCLEAR
    ):
        return None
    return float(np.clip(threshold, 0.6 * MIN_NUCLEAR, MAX_NUCLEAR))


def _central_nucleus(
    dark: Mask, middle: NDArray[np.float32], flood: Flood
) -> tuple[Mask | None, Mask]:
    """What of the dark mask belongs to the middle, and what belongs to neighbours.

    Touching bodies are cut at their necks (watershed of the distance to the border). Parts near
    the middle belong to it as lobes; those at a middling distance stay open.
    """
    parts = _cut(dark, flood)
    count = int(parts.max())
    if count == 0:
        return None, dark
    areas = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    mean = np.bincount(parts.ravel(), middle.ravel(), minlength=count + 1)[1:] / np.maximum(
        areas, 1
    )
    nearest = np.array([middle[parts == part].min() for part in range(1, count + 1)])
    good = (areas > 12) & (nearest < 0.3)
    if not good.any():
        return None, dark
    # Central and large: a speck in the very middle is not the nucleus beside a large one.
    rank = np.where(good, mean - 0.25 * np.sqrt(areas) / 62, np.inf)
    chosen = good & (mean < 0.36)
    chosen[int(rank.argmin())] = True
    others = ~chosen & ((mean > 0.5) | (nearest > 0.34))
    nucleus = np.isin(parts, np.flatnonzero(chosen) + 1)
    if nucleus.sum() < MIN_NUCLEUS:
        return None, dark
    return nucleus, np.isin(parts, np.flatnonzero(others) + 1)


def _cut(dark: Mask, flood: Flood) -> NDArray[np.int32]:
    """Label the parts of a mask, cut where they touch by a neck."""
    depth = cv2.distanceTransform(dark.astype(np.uint8), cv2.DIST_L2, 3)
    depth = cv2.GaussianBlur(depth, (0, 0), 1.0)
    local = cv2.dilate(depth, disc(9))
    peaks = (depth >= local - 1e-3) & (depth > 1.5) & dark
    _, markers = cv2.connectedComponents(peaks.astype(np.uint8))
    return _merge(flood(-depth, markers, dark), depth)


def _merge(parts: NDArray[np.int32], depth: NDArray[np.float32]) -> NDArray[np.int32]:
    """Join parts whose common border is nearly as deep as the shallower of them."""
    count = int(parts.max())
    peak = np.zeros(count + 1, np.float32)
    np.maximum.at(peak, parts.ravel(), depth.ravel())
    saddle: dict[tuple[int, int], float] = {}
    for first, second in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        one, two = parts[first], parts[second]
        border = (one != two) & (one > 0) & (two > 0)
        level = np.minimum(depth[first], depth[second])[border]
        for a, b, value in zip(one[border], two[border], level, strict=True):
            pair = (min(int(a), int(b)), max(int(a), int(b)))
            saddle[pair] = max(saddle.get(pair, 0.0), float(value))
    root = np.arange(count + 1)
    for (a, b), value in sorted(saddle.items(), key=lambda item: -item[1]):
        one, two = root[a], root[b]
        if one != two and value > NECK * min(peak[one], peak[two]):
            peak[one] = max(peak[one], peak[two])
            root[root == two] = one
    _, compact = np.unique(np.append(0, root[parts.ravel()]), return_inverse=True)
    return np.asarray(compact[1:].reshape(parts.shape), dtype=np.int32)


def _flood(
    height: NDArray[np.float32], markers: NDArray[np.int32], mask: Mask
) -> NDArray[np.int32]:
    from skimage.segmentation import watershed

    return np.asarray(watershed(height, markers, mask=mask), dtype=np.int32)


def _cell_around(
    density: NDArray[np.float32],
    chromatin: NDArray[np.float32],
    nucleus: Mask,
    others: Mask,
    threshold: float,
    flood: Flood,
) -> Mask:
    """The stained area around the nucleus, as far as it belongs to it."""
    green = density[..., 1]
    away = cv2.distanceTransform((~nucleus).astype(np.uint8), cv2.DIST_L2, 5)
    background = (green < _background_limit(green)) & (chromatin < 0.5 * threshold)
    # Whatever is denser than the ring around the nucleus counts as this ring: the nucleus's own
    # border would stop the flood otherwise.
    ring = (away > 2) & (away < 6) & ~background
    relief = np.zeros_like(green)
    for layer in (green, chromatin):
        cap = float(np.median(layer[ring])) if ring.sum() > 20 else 0.3
        flat = cv2.GaussianBlur(np.minimum(layer, cap), (0, 0), 1.5)  # granules make no border
        relief += cv2.morphologyEx(flat, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    markers = np.zeros(nucleus.shape, np.int32)
    far = away > FAR_MICRONS / (0.08625 * STEP)
    markers[far | background] = 2
    markers[eroded(others, 3)] = 2
    markers[_red_cells(density, chromatin, away, ring)] = 2
    markers[nucleus | ((away < 2.5) & ~background)] = 1
    # Distance keeps the flood round where no border shows.
    cell = flood(relief + 0.004 * away, markers, np.ones_like(nucleus)) == 1
    closed = cv2.morphologyEx((cell | nucleus).astype(np.uint8), cv2.MORPH_CLOSE, disc(13))
    opened = np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc(13)), dtype=bool)
    return largest(filled(opened | nucleus))


def _background_limit(green: NDArray[np.float32]) -> float:
    """Green density that parts empty glass from anything stained."""
    return float(np.clip(0.5 * otsu(green.ravel()), MIN_BACKGROUND, MAX_BACKGROUND))


def _red_cells(
    density: NDArray[np.float32],
    chromatin: NDArray[np.float32],
    away: NDArray[np.float32],
    ring: Mask,
) -> Mask:
    """Red cells: more blue density for their green than the cytoplasm next to the nucleus has.

    Judged against the cell's own cytoplasm, for that of an eosinophil stops blue as well.
    """
    if ring.sum() <= 20:
        return np.zeros(ring.shape, bool)
    green = cv2.GaussianBlur(density[..., 1], (0, 0), 1.5)
    purity = cv2.GaussianBlur(chromatin, (0, 0), 1.5) / np.maximum(green, 0.05)
    own = float(np.percentile(purity[ring], 60))
    red = (density[..., 1] > 0.08) & (purity < own - RED_CELL_STEP) & (away > 6)
    return eroded(red, 7)


def _distance_from_middle(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Distance of each pixel from the image's middle; 1 at the middle of a side."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    return np.hypot(rows[:, None], columns[None])


def _enlarge(mask: Mask, width: int, height: int) -> Mask:
    smooth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    large = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large > 0.5, dtype=bool)


def _central_disc(height: int, width: int) -> Segmentation:
    rows, columns = np.ogrid[:height, :width]
    away = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2) / min(height, width)
    return Segmentation(away < CELL_SHARE, away < NUCLEUS_SHARE, True)
