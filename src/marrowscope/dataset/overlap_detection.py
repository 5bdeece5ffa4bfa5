"""Landmarks and crops → pairs of crops that show parts of the same field."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowscope.dataset.crop_orientations import UPRIGHT, oriented
from marrowscope.dataset.landmarks import Landmarks, oriented_landmarks
from marrowscope.dataset.overlap_candidates import Placement, candidate_overlaps, has_support
from marrowscope.dataset.overlap_proof import SEARCH, SMALL, verify_overlap, verify_rescaled


@dataclass(frozen=True)
class Overlap:
    """Two crops that share a part.

    Crop ``two``, brought into ``orientation`` and enlarged by ``scale``, begins at (dx, dy) px of
    crop ``one``.
    """

    one: int
    two: int
    dx: int
    dy: int
    shared: float  # area, share of a crop
    correlation: float
    orientation: int = UPRIGHT
    scale: float = 1.0


def find_overlaps(
    found: Sequence[Landmarks], crop: Callable[[int], NDArray[np.uint8]]
) -> list[Overlap]:
    """All pairs that share a part, sorted.

    Args:
        found: landmarks of every crop.
        crop: gives a crop by its number.
    """
    seen: dict[tuple[int, int], set[Placement]] = {}
    for one, two, how in candidate_overlaps(found):
        if how.scale == 1:
            if not has_support(found[one], oriented_landmarks(found[two], how.orientation), how):
                continue
            # The proof searches around a shift: those near each other are looked at once.
            dx, dy = (round(shift / SEARCH) * SEARCH for shift in (how.dx, how.dy))
            how = replace(how, dx=dx, dy=dy)
        seen.setdefault((one, two), set()).add(how)
    result = []
    for (one, two), places in sorted(seen.items()):
        for how in sorted(places, key=_plainest_first):
            overlap = _proven(one, two, crop(one), oriented(crop(two), how.orientation), how)
            if overlap is not None:
                result.append(overlap)
                break
    return result


def _plainest_first(how: Placement) -> tuple[bool, int, float, float]:
    return how.scale != 1, how.orientation, how.dx, how.dy


def _proven(
    one: int, two: int, first: NDArray[np.uint8], second: NDArray[np.uint8], how: Placement
) -> Overlap | None:
    """The overlap of two crops, the second oriented already, if their pixels show it."""
    if how.scale != 1:
        alike = verify_rescaled(first, second, how.dx, how.dy, how.scale)
        if alike is None:
            return None
        return Overlap(one, two, round(how.dx), round(how.dy), *alike, how.orientation, how.scale)
    measured = verify_overlap(first, second, how.dx, how.dy)
    if measured is None or (how.orientation != UPRIGHT and measured[2] < SMALL):
        return None
    return Overlap(one, two, *measured, how.orientation)


def connected_groups(count: int, pairs: Sequence[Overlap]) -> list[int]:
    """Number of the group of each of ``count`` crops: the smallest member of those connected."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for pair in pairs:
        one, two = root(pair.one), root(pair.two)
        parent[max(one, two)] = min(one, two)
    return [root(node) for node in range(count)]
