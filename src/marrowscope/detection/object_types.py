"""What a located nucleus is: an intact cell, a naked nucleus, a smudge, or a clump of debris.

Measures of ``cytoplasm_rim`` go in; a logistic model with several outcomes says how likely each is.
An object is a cell unless the evidence is strong. The weights lie in ``object_types.yaml``;
``tools/fit_object_types.py`` learned them on synthetic fields and on single real cells.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from marrowscope.detection.logistic_model import LogisticModel, read_model
from marrowscope.detection.rim_features import RIM_FEATURES, RimFeature

CELL, NAKED, SMUDGE, DEBRIS = "cell", "naked nucleus", "smudge", "debris"
OBJECT_TYPES: tuple[str, ...] = (CELL, NAKED, SMUDGE, DEBRIS)


@dataclass(frozen=True)
class Outcome:
    """One outcome of the model.

    Attributes:
        name: in the file of weights.
        object_type: what such an object is called.
        least_intact: likelihood of an intact cell below which an object is taken for this.
        most_ring_green: green density, met by a tenth of the rays just outside of the nucleus,
            beyond which it never is, for there is cytoplasm, or something lies too near.
    """

    name: str
    object_type: str
    least_intact: float
    most_ring_green: float


# Small lymphocytes have dense round nuclei too, with a seam that is not always seen, so that of a
# dense naked nucleus (shrunken, not swollen and pale) more must be known. The granules of
# neutrophils and eosinophils look like a smudge, hence the lower ring density. Chosen on the
# even-numbered real cells: none of them is called anything but a cell.
DENSE_NAKED, PALE_NAKED = "dense naked nucleus", "pale naked nucleus"
OUTCOMES: tuple[Outcome, ...] = (
    Outcome(CELL, CELL, 0.0, 0.0),
    Outcome(DENSE_NAKED, NAKED, 0.15, 1.0),
    Outcome(PALE_NAKED, NAKED, 0.5, 1.0),
    Outcome(SMUDGE, SMUDGE, 0.5, 0.7),
    Outcome(DEBRIS, DEBRIS, 0.5, 0.7),
)
OUTCOME_NAMES: tuple[str, ...] = tuple(outcome.name for outcome in OUTCOMES)
DENSE_CORE = 1.7  # red density of the core that parts the two naked nuclei
# The rim of a naked nucleus has the colour of its core. Where it takes clearly more green light, in
# proportion to red, granules or dark cytoplasm were taken for the end of the nucleus: it is a cell.
# Lymphocytes and basophils of another laboratory look so, of which the model has learned nothing.
MOST_RIM_COLOUR = 1.015
WEIGHTS = "object_types.yaml"
# Coarser pixels (µm) do not show a seam of cytoplasm: every object is taken for a cell.
COARSEST_PIXEL = 0.15
# Where half of a field's nuclei take less red light away than this (density), camera or stain has
# too little contrast for cytoplasm to be told from chromatin by its colour: all are cells.
MIN_CONTRAST = 0.8

# Measures that vary by factors, with the range in which that says something.
_LOGARITHMS: dict[RimFeature, tuple[float, float]] = {
    RimFeature.EDGE_ROUGHNESS: (0.005, 0.3),
    RimFeature.DENSITY_DEVIATION: (0.03, 0.8),
    RimFeature.RADIUS_DEVIATION: (0.02, 0.8),
}
# Others are cut off: chromatin that lets no light through has no colour.
_RANGES: dict[RimFeature, tuple[float, float]] = {
    RimFeature.RIM_COLOUR: (0.7, 1.0),
    RimFeature.RIM_COLOUR_LOWEST_OCTANT: (0.5, 1.0),
    RimFeature.CORE_RED: (0.3, 2.5),
    RimFeature.RING_RED_MEDIAN: (0.0, 1.2),
    RimFeature.RING_RED_HIGH: (0.0, 1.2),
    RimFeature.RING_GREEN_MEDIAN: (0.0, 1.2),
    RimFeature.RING_GREEN_HIGH: (0.0, 1.2),
    RimFeature.RING_RED_HIGHEST_OCTANT: (0.0, 1.2),
    RimFeature.RING_GREEN_HIGHEST_OCTANT: (0.0, 1.2),
}


def model_columns(measures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measures (N, M) as the model sees them, (N, M)."""
    columns = np.array(measures, dtype=np.float64)
    for feature, (low, high) in _LOGARITHMS.items():
        columns[:, feature] = np.log(np.clip(columns[:, feature], low, high))
    for feature, (low, high) in _RANGES.items():
        columns[:, feature] = np.clip(columns[:, feature], low, high)
    return columns


def ring_green_density(measures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Green density that a tenth of the rays meets just outside of each nucleus, (N,)."""
    return measures[:, RimFeature.RING_GREEN_HIGH]


def classify_objects(measures: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float32]]:
    """Type of each object of a field, and how likely it is an intact cell.

    Args:
        measures: (N, measures) of ``measure_rims``, of all objects of the field.

    Returns:
        N of ``OBJECT_TYPES``, and (N,) in [0, 1], nan where the field has too little contrast.
    """
    count = len(measures)
    if not count or float(np.median(measures[:, RimFeature.CORE_RED])) < MIN_CONTRAST:
        return [CELL] * count, np.full(count, np.nan, np.float32)
    likelihood = object_type_model().likelihood(model_columns(measures))
    best = 1 + likelihood[:, 1:].argmax(axis=1)
    least = np.array([outcome.least_intact for outcome in OUTCOMES])
    most = np.array([outcome.most_ring_green for outcome in OUTCOMES])
    cytoplasm = measures[:, RimFeature.RIM_COLOUR] > MOST_RIM_COLOUR
    cytoplasm |= ring_green_density(measures) > most[best]
    intact = np.where(cytoplasm, 1.0, likelihood[:, 0])
    found = np.where(intact < least[best], best, 0)
    return [OUTCOMES[place].object_type for place in found.tolist()], intact.astype(np.float32)


@cache
def object_type_model() -> LogisticModel:
    """The model that comes with the package, on columns of ``model_columns``."""
    return read_model(WEIGHTS, RIM_FEATURES, OUTCOME_NAMES)
