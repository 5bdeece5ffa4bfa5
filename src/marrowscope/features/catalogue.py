"""All features with unit and description, in the order in which they are measured."""

from functools import cache

from marrowscope.features import bands, haralick, intensity, layout, lbp, shape
from marrowscope.features.feature import Feature

FAMILIES = (shape, intensity, haralick, lbp, bands, layout)


@cache
def catalogue() -> tuple[Feature, ...]:
    """Every feature once, in order."""
    return tuple(feature for family in FAMILIES for feature in family.features())


@cache
def names() -> tuple[str, ...]:
    """Names of the catalogue."""
    return tuple(feature.name for feature in catalogue())


__all__ = ["FAMILIES", "Feature", "catalogue", "names"]
