"""Regions, names and units → ``Feature``: what a measurement is called and says."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One named number.

    Attributes:
        name: region, family and parameters, joined by dots: ``nucleus.haralick.d2.azure.contrast``.
        unit: ``µm``, ``µm²``, ``grey`` (0 to 255 of the plane), ``bit``, or ``1`` for a plain
            number.
        description: one line.
    """

    name: str
    unit: str
    description: str


def features_by_region(
    regions: Iterable[str], middle: Iterable[tuple[str, str]], last: Iterable[tuple[str, str, str]]
) -> list[Feature]:
    """All combinations, the last part fastest: regions × (part, words) × (part, unit, words)."""
    middle, last = list(middle), list(last)
    return [
        Feature(f"{region}.{part}.{end}", unit, f"{words} {where}, {region}")
        for region in regions
        for part, where in middle
        for end, unit, words in last
    ]
