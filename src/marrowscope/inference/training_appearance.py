"""What cells look like beside those that a model learned from: a warning before its answers.

A network answers confidently whatever it is shown. Three measures of cells, as the network sees
them, are compared with those of the training cells of the class that they are given: how strongly
they are stained, how coloured, and how large their nuclei are. The card keeps quantiles of each
class. Medians over a set are judged, because single cells differ more than laboratories do; by the
class, because a set of lymphocytes is meant to have other nuclei than a set of blasts.
"""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.models.card import Card
from marrowscope.stain import BACKGROUND_DENSITY, optical_density

# Fewer cells say too little of a set; more than so many hardly move its median.
MIN_CELLS, MAX_CELLS = 20, 48
LIMITS = (0.1, 0.5, 0.9)  # quantiles over the training images of a class
SPREAD = 2.563  # standard deviations between the outer two of a normal distribution
# So many standard deviations of a class, in the median of a set, are unlike it.
MAX_SHIFT = 0.9
MEASURES = {
    "density": ("stain density", "lower", "higher"),
    "saturation": ("colour saturation", "lower", "higher"),
    "nucleus": ("nuclei", "smaller", "larger"),
}
FACTS = "appearance"  # where the card's table ``data`` keeps the quantiles

Ranges = dict[str, dict[str, tuple[float, float, float]]]  # class code → measure → quantiles


def measure_appearance(image: NDArray[np.uint8]) -> dict[str, float]:
    """All ``MEASURES`` of one cell (250, 250, 3) uint8 RGB; nan where there is nothing to see."""
    density = optical_density(image)
    stained = (density >= BACKGROUND_DENSITY).all(axis=2)
    if not stained.any():
        return dict.fromkeys(MEASURES, float("nan"))
    pixels = image[stained].astype(np.float64)
    brightest = np.maximum(pixels.max(axis=1), 1)
    return {
        "density": float(density[stained].mean()),
        "saturation": float(((brightest - pixels.min(axis=1)) / brightest).mean()),
        "nucleus": _nuclear_diameter(image),
    }


def _nuclear_diameter(image: NDArray[np.uint8]) -> float:
    """Of a circle as large as the nucleus, in px; nan where none is found."""
    # Not before it is needed: features take a second to load.
    from marrowscope.features.cell_segmentation import segment
    from marrowscope.features.watershed import flood

    found = segment(image, flood)
    return float("nan") if found.fallback else 2 * float(np.sqrt(found.nucleus.sum() / np.pi))


def appearance_facts(images: Sequence[NDArray[np.uint8]]) -> dict[str, list[float]]:
    """What a card keeps of the training images of one class: quantiles of each measure.

    Raises:
        InputError: in fewer than ``MIN_CELLS`` something can be measured.
    """
    return quantiles_of([measure_appearance(image) for image in images])


def quantiles_of(measured: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """As ``appearance_facts``, of what was measured."""
    facts = {}
    for name in MEASURES:
        values = [one[name] for one in measured if isfinite(one[name])]
        if len(values) < MIN_CELLS:
            raise InputError(f"{name} can be measured in {len(values)} images; needs {MIN_CELLS}")
        facts[name] = [round(float(value), 4) for value in np.quantile(values, LIMITS)]
    return facts


def training_ranges(card: Card) -> Ranges:
    """The quantiles that a card keeps; empty where it keeps none.

    Raises:
        InputError: something else stands there than three rising numbers for each measure.
    """
    facts = card.data.get(FACTS, {})
    wrong = InputError(f"card of {card.name}: data.{FACTS} is no table of quantiles by class")
    if not isinstance(facts, dict):
        raise wrong
    ranges: Ranges = {}
    for code, measures in facts.items():
        if not isinstance(measures, dict) or set(measures) != set(MEASURES):
            raise wrong
        ranges[code] = {}
        for name, three in measures.items():
            if not isinstance(three, list) or len(three) != len(LIMITS):
                raise wrong
            if not all(type(value) in (int, float) and 0 <= value < 1e6 for value in three):
                raise wrong
            if not three[0] < three[1] < three[2]:
                raise wrong
            ranges[code][name] = (float(three[0]), float(three[1]), float(three[2]))
    return ranges


def unlike_training(
    images: Sequence[NDArray[np.uint8]], predicted: Sequence[str], ranges: Ranges
) -> list[str]:
    """In what a set of cells is unlike the training cells of the classes it is given, in words.

    Args:
        images: (250, 250, 3) uint8 RGB each, as the network sees them.
        predicted: the class that each is given.
        ranges: of the training images.

    Returns:
        Such as ``stain density 1.2 sd lower``; empty for fewer than ``MIN_CELLS`` cells.
    """
    known = [pair for pair in zip(images, predicted, strict=True) if pair[1] in ranges]
    measured = [(measure_appearance(image), ranges[code]) for image, code in known]
    said = []
    for name, (what, less, more) in MEASURES.items():
        shifts = [
            (one[name] - limits[name][1]) * SPREAD / (limits[name][2] - limits[name][0])
            for one, limits in measured
            if isfinite(one[name])
        ]
        shift = float(np.median(shifts)) if len(shifts) >= MIN_CELLS else 0.0
        if abs(shift) > MAX_SHIFT:
            said.append(f"{what} {abs(shift):.1f} sd {less if shift < 0 else more}")
    return said
