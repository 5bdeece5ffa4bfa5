"""Optical density of a cell → which part is nucleus, and whether all of it is.

Chromatin takes up azure and eosin together and is purple: it stops green light most. Basophilic
cytoplasm takes up azure alone and stops green less than red; granules of eosinophils, and red
cells, stop blue as well. The green density less a share of the blue one therefore parts the nucleus
from both. A grey opening (Serra 1982) takes away what is smaller than any nucleus, such as the
granules of basophils, and Otsu's threshold does the rest. Channels, shares and limits are our own
choice, made on synthetic cells and looked over on real ones.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.features.masks import (
    MAX_DENSITY,
    Mask,
    disc,
    eroded,
    largest,
    otsu,
    raggedness,
    smoothed,
)

# Share of the blue density that is taken off: granules of eosinophils come out as cytoplasm.
BLUE_SHARE = 0.75
# The opening, px of 0.17 µm: wider than a granule (1 µm), narrower than a lobe.
GRANULE = 7
# A body of fewer px, or of less contrast, has no parts.
MIN_PIXELS, MIN_CONTRAST = 60, 0.02
# What a smudge looks like; see ``is_bare``.
MAX_OFFSET, MIN_CORRELATION = 0.06, 0.99
MIN_BETWEEN, MAX_GREEN, MIN_RAGGED = 0.1, 1.8, 1.25
# A smudge ends where its chromatin has thinned out to this share of its median.
SMUDGE_EDGE_SHARE = 0.4


def chromatin_density(density: NDArray[np.float32]) -> NDArray[np.float32]:
    """Density of chromatin, (H, W), at least 0, from densities (H, W, 3) R, G, B (natural log)."""
    chromatin: NDArray[np.float32] = np.maximum(
        density[..., 1] - BLUE_SHARE * np.maximum(density[..., 2], 0), 0
    )
    return chromatin


def nuclear_part(density: NDArray[np.float32], cell: Mask) -> tuple[Mask, Mask] | None:
    """Part a cell into nucleus and cytoplasm.

    Args:
        density: (H, W, 3) float32 R, G, B against the empty background, natural log, 0.17 µm/px.
        cell: (H, W) bool, where the cell lies.

    Returns:
        Nucleus and cell, (H, W) bool. In a smudge both are the whole body, as far as chromatin
        reaches. None where the cell is too small or too even to be parted.
    """
    chromatin = chromatin_density(density)
    opened = np.minimum(cv2.morphologyEx(chromatin, cv2.MORPH_OPEN, disc(GRANULE)), MAX_DENSITY)
    values = opened[eroded(cell, 3)]
    if values.size < MIN_PIXELS or float(np.ptp(values)) < MIN_CONTRAST:
        return None
    if is_bare(density, opened, eroded(cell, 5)):
        faded = SMUDGE_EDGE_SHARE * float(np.median(chromatin[eroded(cell, 5)]))
        reach = cv2.dilate(cell.astype(np.uint8), disc(5)) > 0
        body = largest(smoothed((chromatin > faded) & reach))
        return body, body
    dark = values[values >= otsu(values)]
    # Again, with all that is denser than the nucleus's median as dark as this: clumps of chromatin
    # would draw the threshold up into the nucleus.
    threshold = otsu(np.minimum(values, np.median(dark)))
    return smoothed((opened > threshold) & cell) & cell, cell


def is_bare(density: NDArray[np.float32], opened: NDArray[np.float32], body: Mask) -> bool:
    """Whether a body is chromatin throughout: a smudge, or a crushed nucleus.

    Its chromatin is spread thin, so that it is pale and uneven without a step from nucleus to
    cytoplasm; and it has one colour: its red density is the same share of the green one
    everywhere (a straight line through the origin). Granulocytes are of one colour too, but have
    a step; blasts, lymphocytes and promyelocytes have bluer cytoplasm, so that the line passes
    beside the origin.

    Args:
        density: (H, W, 3) float32 R, G, B, natural log.
        opened: (H, W) float32 in [0, MAX_DENSITY], chromatin without granules.
        body: (H, W) bool, without its border, whose colour is mixed with the surroundings'.
    """
    values = opened[body]
    if values.size < MIN_PIXELS or float(np.ptp(values)) < MIN_CONTRAST:
        return False
    dense = body & (opened >= otsu(values))
    high, low = float(opened[dense].mean()), float(opened[body & ~dense].mean())
    third = (high - low) / 3
    between = float(((values > low + third) & (values < high - third)).mean())
    if between < MIN_BETWEEN or float(np.median(density[dense, 1])) > MAX_GREEN:
        return False
    red, green = density[body, 0].astype(np.float64), density[body, 1].astype(np.float64)
    spread = np.cov(red, green)
    if spread[0, 0] == 0 or spread[1, 1] == 0:
        return False
    offset = float(red.mean() - spread[0, 1] / spread[1, 1] * green.mean())
    correlation = float(spread[0, 1] / np.sqrt(spread[0, 0] * spread[1, 1]))
    return (
        abs(offset) < MAX_OFFSET
        and correlation > MIN_CORRELATION
        and raggedness(smoothed(dense)) > MIN_RAGGED
    )
