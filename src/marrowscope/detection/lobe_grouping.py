"""Which fragments are the nucleus of one cell: lobes are put together, touching cells are not.

Clusters of fragments go in, fewer and larger ones come out. A logistic model of the features of a
pair (``PairFeature``, with a few of their squares and products) says how likely both belong to one
cell. The likeliest pair is joined, its neighbours are looked at again, and so on until no pair is
likelier than not. The weights lie in ``lobe_grouping.yaml``; ``tools/fit_lobe_grouping.py`` learned
them on synthetic fields, where the truth is known.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from marrowscope.detection.fragment_clusters import (
    PAIR_FEATURES,
    Cluster,
    PairFeature,
    pair_features,
)
from marrowscope.detection.logistic_model import LogisticModel, read_model
from marrowscope.detection.nuclear_map import WORKING_MICRONS

# Nuclear centres farther apart than this never belong to one cell (µm).
MAX_CENTRE_DISTANCE = 12.0
WEIGHTS = "lobe_grouping.yaml"

# Squares and products that the model sees beside the features themselves.
PRODUCTS: tuple[tuple[PairFeature, PairFeature], ...] = (
    (PairFeature.LOG_AREA_LARGER, PairFeature.LOG_AREA_LARGER),
    (PairFeature.LOG_AREA_SMALLER, PairFeature.LOG_AREA_SMALLER),
    (PairFeature.CENTRE_DISTANCE, PairFeature.CENTRE_DISTANCE),
    (PairFeature.JOINT_SPREAD, PairFeature.JOINT_SPREAD),
    (PairFeature.JOINT_RADIUS, PairFeature.JOINT_RADIUS),
    (PairFeature.LOG_AREA_LARGER, PairFeature.CENTRE_DISTANCE),
    (PairFeature.LOG_AREA_SMALLER, PairFeature.CENTRE_DISTANCE),
    (PairFeature.CENTRE_DISTANCE, PairFeature.LOWEST_BETWEEN),
    (PairFeature.JOINT_RADIUS, PairFeature.JOINT_SOLIDITY),
    (PairFeature.JOINT_RADIUS, PairFeature.LOWEST_BETWEEN),
    (PairFeature.LOG_AREA_LARGER, PairFeature.AXIS_RATIO_LARGER),
)
COLUMNS: tuple[str, ...] = (
    *PAIR_FEATURES,
    *(f"{one.name.lower()} * {two.name.lower()}" for one, two in PRODUCTS),
)


def model_columns(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features (N, F) and their ``PRODUCTS``, (N, F + products)."""
    products = [features[:, one] * features[:, two] for one, two in PRODUCTS]
    return np.column_stack((features, *products))


@cache
def lobe_model() -> LogisticModel:
    """The model that comes with the package, on columns of ``model_columns``."""
    return read_model(WEIGHTS, COLUMNS)


def same_cell_likelihood(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """That both of each pair belong to one cell, (N,) in [0, 1], from (N, features)."""
    return lobe_model().likelihood(model_columns(features))


def group_lobes(
    made: dict[int, Cluster],
    saddles: dict[tuple[int, int], float],
    density: NDArray[np.float32],
    likelihood: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> list[Cluster]:
    """Join clusters until no pair is likelier to be one cell than two.

    Args:
        made: clusters by number.
        saddles: {(i, j): density} for i < j of those that touch.
        density: the nuclear map.
        likelihood: from features (N, F) to (N,).

    Returns:
        The clusters that are left, each the nucleus of one cell; the same whatever the numbers of
        the clusters, as long as no two pairs are equally likely.
    """
    current, meets = dict(made), dict(saddles)
    pairs: dict[tuple[int, int], float] = {}

    def look_at(new: list[tuple[int, int]]) -> None:
        if not new:
            return
        rows = [
            pair_features(current[one], current[two], meets.get((one, two), 0.0), density)
            for one, two in new
        ]
        pairs.update(zip(new, likelihood(np.array(rows)).tolist(), strict=True))

    look_at(neighbouring_pairs(current))
    number = max(current, default=0)
    while pairs:
        pair = max(pairs, key=pairs.__getitem__)
        if pairs[pair] < 0.5:
            break
        number += 1
        look_at(merge_pair(current, meets, pairs, pair, number))
    return list(current.values())


def neighbouring_pairs(made: dict[int, Cluster]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, whose centres lie within ``MAX_CENTRE_DISTANCE``, sorted."""
    numbers = sorted(made)
    if len(numbers) < 2:
        return []
    tree = cKDTree(np.array([made[number].centre for number in numbers]))
    found = tree.query_pairs(MAX_CENTRE_DISTANCE / WORKING_MICRONS)
    return sorted((numbers[min(pair)], numbers[max(pair)]) for pair in found)


def merge_pair(
    current: dict[int, Cluster],
    meets: dict[tuple[int, int], float],
    pairs: dict[tuple[int, int], float],
    pair: tuple[int, int],
    number: int,
) -> list[tuple[int, int]]:
    """Replace a pair by one cluster of that number; returns the pairs that it forms.

    ``current``, ``meets`` and ``pairs`` are changed. ``number`` is larger than all before.
    """
    one, two = pair
    current[number] = current.pop(one).joined(current.pop(two))
    neighbours = set()
    for other in [key for key in pairs if one in key or two in key]:
        del pairs[other]
        neighbours.update(set(other) - {one, two})
    for neighbour in neighbours:
        edges = ((min(neighbour, part), max(neighbour, part)) for part in pair)
        meets[neighbour, number] = max(meets.get(edge, 0.0) for edge in edges)
    return [(neighbour, number) for neighbour in sorted(neighbours)]
