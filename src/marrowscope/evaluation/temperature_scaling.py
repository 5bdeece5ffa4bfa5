"""Held-out probabilities → temperature, prediction-set thresholds, no-call threshold."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import beta

Array = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0
MIN_PROBABILITY = (
    1e-12  # a probability that float32 has rounded to 0 costs this much, not everything
)
CONFIDENCE = 0.95  # with which the risk is kept
ITERATIONS = 20  # thresholds that are tested


def fit_temperature(probabilities: Array, truth: NDArray[np.int64]) -> float:
    """Temperature with the largest likelihood (Guo et al., ICML 2017, section 4.2).

    Args:
        probabilities: (N, C), rows sum to 1.
        truth: (N,) columns of the true classes.

    Returns:
        T of p ∝ p^(1/T), between 0.05 and 20.
    """
    logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    right = logs[np.arange(len(truth)), truth]

    def loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        scaled = logs * scale
        largest = scaled.max(axis=1)
        total = largest + np.log(np.exp(scaled - largest[:, None]).sum(axis=1))
        return float((total - right * scale).mean())

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)


def prediction_set_thresholds(
    probabilities: Array, truth: NDArray[np.int64], codes: Sequence[str], coverage: float
) -> dict[str, float]:
    """Per class, the least probability with which it belongs to a prediction set.

    Conformal prediction within each class (Sadinle et al., JASA 2019, least ambiguous sets; Vovk
    2012 for the conditioning on the class): a new cell of the class is in the set with at least the
    wanted probability, if it is exchangeable with the held-out cells of its class.

    Args:
        probabilities: (N, C).
        truth: (N,) columns of the true classes.
        codes: of the columns.
        coverage: wanted share, in (0, 1).

    Returns:
        A value for every class; 0 where it has too few held-out cells, so that it is in every set.
    """
    least = {}
    for place, code in enumerate(codes):
        own = np.sort(probabilities[truth == place, place])[::-1]
        needed = math.ceil((len(own) + 1) * coverage)
        least[code] = float(own[needed - 1]) if needed <= len(own) else 0.0
    return least


def no_call_threshold(
    confidence: Array, right: NDArray[np.bool_], risk: float, level: float = CONFIDENCE
) -> float | None:
    """Smallest confidence at which classes can be called with a bounded share of errors.

    Twenty thresholds are tested from the strictest down; each asks whether the upper bound of
    Clopper and Pearson (1934) of the errors among the called cells is within the risk. The first
    that fails ends it, which keeps the chance of a wrong answer within 1 − level for all of them
    together (fixed-sequence testing, Angelopoulos et al. 2021, "Learn then test").

    Args:
        confidence: (N,) of the predicted class.
        right: (N,) whether it is the true one.
        risk: largest share of errors among called cells, in (0, 1).
        level: confidence of the bound.

    Returns:
        The threshold; 0.0 when every cell can be called; None when no threshold keeps the risk.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, errors = confidence[order], np.cumsum(~right[order])
    # Where to begin must not look at errors: with three times the cells that can show so small a
    # risk at all, so that one unlucky cell does not end it.
    fewest = 3 * math.ceil(math.log(1 - level) / math.log1p(-risk))
    found: float | None = None
    ends = np.flatnonzero(np.diff(ranked, append=-1.0) != 0)  # cells of one confidence go together
    steps = np.ceil(len(ranked) * np.arange(1, ITERATIONS + 1) / ITERATIONS).astype(int) - 1
    tested = np.unique(ends[np.searchsorted(ends, steps)])
    for last in tested[tested + 1 >= fewest].tolist():
        called, wrong = last + 1, int(errors[last])
        upper = 1.0 if wrong == called else float(beta.ppf(level, wrong + 1, called - wrong))
        if upper > risk:
            return found
        found = 0.0 if called == len(ranked) else float(ranked[last])
    return found
