"""The catalogue of all features, with unit and description, in the order measured."""

from functools import cache

from marrowscope.features import (
    colour_features,
    haralick,
    lbp,
    radial_distribution,
    scale_bands,
    shape_features,
)
from marrowscope.features.feature_names import Feature

FAMILIES = (shape_features, colour_features, haralick, lbp, scale_bands, radial_distribution)


@cache
def catalogue() -> tuple[Feature, ...]:
    """Every feature once, in order."""
    return tuple(feature for family in FAMILIES for feature in family.features())


@cache
def names() -> tuple[str, ...]:
    """Names of the catalogue."""
    return tuple(feature.name for feature in catalogue())


__all__ = ["FAMILIES", "Feature", "catalogue", "names"]
