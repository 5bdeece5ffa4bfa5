"""What a located nucleus is: an intact cell, a naked nucleus, a smudge, or a clump of debris.

A logistic model with several outcomes (Cox 1966) of what ``rim`` measures says how likely each is.
An object is a cell unless the evidence is strong. The model's weights lie in ``kinds.yaml``;
``kinds_fit`` learned them on synthetic fields and on single real cells.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray

from marrowscope.detection.cytoplasm_rim import RIM_FEATURES

CELL, NAKED, SMUDGE, DEBRIS = "cell", "naked nucleus", "smudge", "debris"
OBJECT_TYPES: tuple[str, ...] = (CELL, NAKED, SMUDGE, DEBRIS)
# Outcomes of the model: what each is; the likelihood of an intact cell below which an object is
# taken for that; and the green density, met by a tenth of the rays just outside of the nucleus,
# beyond which it never is, for there is cytoplasm, or something lies too near. Small lymphocytes
# have dense round nuclei too, with a seam that is not always seen, so that of a dense naked nucleus
# (shrunken, not swollen and pale) more must be known. The granules of neutrophils and eosinophils
# look like a smudge, hence the third number. Chosen on the even-numbered real cells: none of them
# is called anything but a cell.
OUTCOMES: tuple[tuple[str, float, float], ...] = (
    (CELL, 0.0, 0.0), (NAKED, 0.15, 1.0), (NAKED, 0.5, 1.0), (SMUDGE, 0.5, 0.7),
    (DEBRIS, 0.5, 0.7),
)  # fmt: skip
DENSE, PALE = 1, 2  # the two naked nuclei
DENSE_CORE = 1.7  # red density of the core that parts them
WEIGHTS = "object_types.yaml"
# Coarser pixels (µm) do not show a seam of cytoplasm: every object is taken for a cell.
COARSEST_PIXEL = 0.15
# Where half of a field's nuclei take less red light away than this (density), camera or stain has
# too little contrast for cytoplasm to be told from chromatin by its colour: all are cells.
LEAST_CONTRAST = 0.8

CORE_DENSITY = RIM_FEATURES.index("red density of the core")
_RING_GREEN = RIM_FEATURES.index("green density of the ring, 90th percentile over rays")
# Measures that vary by factors, with the range in which that says something.
_LOGARITHMS = {3: (0.005, 0.3), 4: (0.03, 0.8), 7: (0.02, 0.8)}
# Others are cut off: chromatin that lets no light through has no colour.
_RANGES = {
    0: (0.7, 1.0), 1: (0.5, 1.0), 20: (0.3, 2.5), **dict.fromkeys(range(14, 20), (0.0, 1.2)),
}  # fmt: skip


@dataclass(frozen=True)
class KindModel:
    """Logistic regression on standardized columns.

    Attributes:
        mean, deviation: (C,), of the columns of ``model_columns``.
        weights: (outcomes, C).
        bias: (outcomes,), added to the weighted sums.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def likelihood(self, measures: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each outcome, (N, outcomes), rows that sum to 1, from (N, measures)."""
        standard = (model_columns(measures) - self.mean) / self.deviation
        odds = standard @ self.weights.T + self.bias
        shares = np.exp(odds - odds.max(axis=1, keepdims=True))
        likelihood: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return likelihood


def model_columns(measures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measures (N, M) as the model sees them, (N, M)."""
    columns = np.array(measures, dtype=np.float64)
    for place, (low, high) in _LOGARITHMS.items():
        columns[:, place] = np.log(np.clip(columns[:, place], low, high))
    for place, (low, high) in _RANGES.items():
        columns[:, place] = np.clip(columns[:, place], low, high)
    return columns


def ring_green_density(measures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Green density that a tenth of the rays meets just outside of each nucleus, (N,)."""
    return measures[:, _RING_GREEN]


def classify_objects(measures: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float32]]:
    """Kind of each object of a field, and how likely it is an intact cell.

    Args:
        measures: (N, measures) as of ``rim``, of all objects of the field.

    Returns:
        N of ``OBJECT_TYPES``, and (N,) in [0, 1], nan where the field has too little contrast.
    """
    count = len(measures)
    if not count or float(np.median(measures[:, CORE_DENSITY])) < LEAST_CONTRAST:
        return [CELL] * count, np.full(count, np.nan, np.float32)
    likelihood = load_object_type_model().likelihood(measures)
    best = 1 + likelihood[:, 1:].argmax(axis=1)
    least, most = (np.array([outcome[place] for outcome in OUTCOMES]) for place in (1, 2))
    intact = np.where(ring_green_density(measures) > most[best], 1.0, likelihood[:, 0])
    found = np.where(intact < least[best], best, 0)
    return [OUTCOMES[place][0] for place in found.tolist()], intact.astype(np.float32)


@cache
def load_object_type_model() -> KindModel:
    """The weights that come with the package."""
    content = yaml.safe_load(files("marrowscope.detection").joinpath(WEIGHTS).read_text("utf-8"))
    mean, deviation, weights, bias = (
        np.array(content[name], dtype=np.float64)
        for name in ("mean", "deviation", "weights", "bias")
    )
    if weights.shape != (len(OUTCOMES), len(RIM_FEATURES)) or mean.shape != (len(RIM_FEATURES),):
        raise AssertionError(f"{WEIGHTS} does not hold {len(OUTCOMES)} times {len(RIM_FEATURES)}")
    return KindModel(mean, deviation, weights, bias)
