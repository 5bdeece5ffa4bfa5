"""Landmarks and crops → pairs of crops that show parts of the same field."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from marrowscope.dataset.landmark_hashing import similar_pairs
from marrowscope.dataset.landmarks import Landmarks

# Beyond this distance (of vectors of length 512) landmarks show something else. The same field
# compressed twice as JPEG: three of four stay below 100, the median is 22.
MAX_DESCRIPTOR_DISTANCE = 140.0
# So many landmarks of two crops that agree on a shift, to within these px, make a candidate.
LEAST_VOTES, SHIFT_STEP = 2, 1.5
# Before pixels are looked at: so many landmarks lie at the same places of the shared part and look
# about alike, up to a distance that a hash would let few strangers through.
LEAST_SUPPORT, SUPPORT_DISTANCE = 3, 240.0
# Pixels decide: correlation of the shared part, and how small it may be. The same field compressed
# twice as JPEG stays above .99; the likest different cells, the same drawing twice, reached .993.
LEAST_CORRELATION, LEAST_SHARED = 0.985, 0.1
MIN_STD = 4.0  # grey levels: an even part looks like any other even part
# From here on nothing else is asked; a small part with one cell drawn twice reached .997.
SURE_CORRELATION, SURE_SMALL, SMALL = 0.996, 0.999, 0.25
PATCH_CHANGE, MOST_CHANGED = 5.0, 0.01  # grey levels of a smoothed difference; share of pixels
SEARCH = 4  # px around the shift that the landmarks say


@dataclass(frozen=True)
class Overlap:
    """Two crops that share a part; crop ``two`` begins at (dx, dy) px of crop ``one``."""

    one: int
    two: int
    dx: int
    dy: int
    shared: float  # area, share of a crop
    correlation: float


def candidate_overlaps(found: Sequence[Landmarks]) -> Iterator[tuple[int, int, float, float]]:
    """Pairs (one, two, dx, dy) with one < two whose landmarks agree on a shift.

    Near landmarks come from a hash, whose cost grows with their number; comparing all pairs would
    grow with its square.
    """
    counts = np.array([len(one.places) for one in found], dtype=np.int64)
    if counts.sum() == 0:
        return
    owner = np.repeat(np.arange(len(found), dtype=np.int32), counts)
    places = np.concatenate([one.places for one in found])
    one, two = similar_pairs(
        np.concatenate([one.descriptors for one in found]), owner, MAX_DESCRIPTOR_DISTANCE
    )
    crops = owner[one].astype(np.int64) << 32 | owner[two]
    order = np.argsort(crops, kind="stable")
    crops, one, two = crops[order], one[order], two[order]
    starts = np.flatnonzero(np.diff(crops, prepend=-1))
    sizes = np.diff(starts, append=len(crops))
    many = sizes >= LEAST_VOTES
    # Most have two votes: whether these agree is seen for all at once.
    shift = places[one] - places[two]
    pairs = np.flatnonzero(sizes == LEAST_VOTES)
    gaps = np.abs(shift[starts[pairs]] - shift[starts[pairs] + 1]).max(axis=1)
    many[pairs[gaps > SHIFT_STEP]] = False
    for start, size in zip(starts[many].tolist(), sizes[many].tolist(), strict=True):
        votes = slice(start, start + size)
        first, second = divmod(int(crops[start]), 2**32)
        for dx, dy in _agreed(shift[votes]):
            yield first, second, dx, dy


def _agreed(shifts: NDArray[np.float32]) -> Iterator[tuple[float, float]]:
    """Every shift that has support, the best first: the pixels decide."""
    close = (np.abs(shifts[:, None] - shifts[None]) <= SHIFT_STEP).all(axis=2)
    agree = close.sum(axis=1)
    left = np.ones(len(shifts), dtype=bool)
    for best in np.argsort(-agree, kind="stable").tolist():
        if agree[best] < LEAST_VOTES:
            return
        if left[best]:
            dx, dy = np.median(shifts[close[best]], axis=0).tolist()
            yield dx, dy
            left &= ~close[best]


def has_support(one: Landmarks, two: Landmarks, dx: float, dy: float) -> bool:
    """Whether enough landmarks of two crops fit a shift; far cheaper than their pixels.

    Args:
        one, two: landmarks of the crops.
        dx, dy: where ``two`` seems to begin in ``one``, px.
    """
    return bool(
        _support(one.places, one.descriptors, two.places, two.descriptors, dx, dy) >= LEAST_SUPPORT
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _support(
    places: NDArray[np.float32],
    descriptors: NDArray[np.uint8],
    other_places: NDArray[np.float32],
    other_descriptors: NDArray[np.uint8],
    dx: float,
    dy: float,
) -> int:
    """How many landmarks of one crop have their like at the shifted place in the other."""
    found = 0
    for one in range(len(places)):
        for two in range(len(other_places)):
            if (
                abs(places[one, 0] - other_places[two, 0] - dx) <= 2 * SHIFT_STEP
                and abs(places[one, 1] - other_places[two, 1] - dy) <= 2 * SHIFT_STEP
            ):
                total = 0.0
                for number in range(descriptors.shape[1]):
                    step = float(descriptors[one, number]) - float(other_descriptors[two, number])
                    total += step * step
                if total <= SUPPORT_DISTANCE**2:
                    found += 1
    return found


def verify_overlap(
    one: NDArray[np.uint8], two: NDArray[np.uint8], dx: float, dy: float
) -> tuple[int, int, float, float] | None:
    """Measure the shift on the pixels.

    Args:
        one, two: (H, W, 3) uint8 RGB, equal shapes.
        dx, dy: where ``two`` seems to begin in ``one``, px.

    Returns:
        dx, dy, shared area (share of a crop) and correlation of the shared part, or None when the
        parts differ or too little is shared to tell.
    """
    height, width = one.shape[:2]
    first = cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32)
    second = cv2.cvtColor(two, cv2.COLOR_RGB2GRAY).astype(np.float32)
    x, y = round(dx), round(dy)
    mine, other = _shared(first, second, x, y)
    if min(mine.shape) <= 4 * SEARCH:
        return None
    # The middle of one's part is looked for in the other's.
    middle = mine[SEARCH:-SEARCH, SEARCH:-SEARCH]
    place = cv2.minMaxLoc(cv2.matchTemplate(other, middle, cv2.TM_CCOEFF_NORMED))[3]
    x, y = x + SEARCH - place[0], y + SEARCH - place[1]
    mine, other = _shared(first, second, x, y)
    shared = mine.size / (width * height)
    if shared < LEAST_SHARED:
        return None
    correlation = _correlation(mine, other)
    if correlation < LEAST_CORRELATION:
        return None
    if correlation >= (SURE_CORRELATION if shared >= SMALL else SURE_SMALL):
        return x, y, shared, correlation
    # Compression changes pixels here and there; another cell changes whole patches.
    change = cv2.GaussianBlur(mine - other, (0, 0), 2.0)
    changed = float((np.abs(change - np.median(change)) > PATCH_CHANGE).mean())
    return (x, y, shared, correlation) if changed <= MOST_CHANGED else None


def _shared(
    first: NDArray[np.float32], second: NDArray[np.float32], x: int, y: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The part that both show when ``second`` begins at (x, y) of ``first``; may be empty."""
    height, width = first.shape
    across, down = max(0, width - abs(x)), max(0, height - abs(y))
    mine = first[max(0, y) : max(0, y) + down, max(0, x) : max(0, x) + across]
    other = second[max(0, -y) : max(0, -y) + down, max(0, -x) : max(0, -x) + across]
    return mine, other


def _correlation(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    a, b = one - one.mean(), two - two.mean()
    deviations = float(np.sqrt((a * a).mean())), float(np.sqrt((b * b).mean()))
    if min(deviations) < MIN_STD:
        return 0.0
    return float((a * b).mean()) / (deviations[0] * deviations[1])


def find_overlaps(
    found: Sequence[Landmarks], crop: Callable[[int], NDArray[np.uint8]]
) -> list[Overlap]:
    """All pairs that share a part, sorted.

    Args:
        found: landmarks of every crop.
        crop: gives a crop by its number.
    """
    shifts: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for one, two, dx, dy in candidate_overlaps(found):
        if has_support(found[one], found[two], dx, dy):
            shifts.setdefault((one, two), []).append((dx, dy))
    result = []
    for (one, two), seen in sorted(shifts.items()):
        for dx, dy in dict.fromkeys((round(dx / SEARCH), round(dy / SEARCH)) for dx, dy in seen):
            measured = verify_overlap(crop(one), crop(two), dx * SEARCH, dy * SEARCH)
            if measured is not None:
                result.append(Overlap(one, two, *measured))
                break
    return result


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
