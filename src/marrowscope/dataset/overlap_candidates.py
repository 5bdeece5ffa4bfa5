"""Landmarks of crops → pairs that may show the same, and how the second lies in the first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from marrowscope.dataset.crop_orientations import ORIENTATIONS, UPRIGHT, oriented_places
from marrowscope.dataset.landmark_hashing import similar_pairs
from marrowscope.dataset.landmarks import Landmarks
from marrowscope.preprocessing import INPUT_SIZE

# Beyond this distance (of vectors of length 512) landmarks show something else. The same field
# compressed twice as JPEG: three of four stay below 100, the median is 22.
MAX_DESCRIPTOR_DISTANCE = 140.0
# So many landmarks of two crops that agree on a shift, to within these px, make a candidate.
MIN_VOTES, SHIFT_STEP = 2, 1.5
# Before pixels are looked at: so many landmarks lie at the same places of the shared part and look
# about alike, up to a distance that a hash would let few strangers through.
MIN_SUPPORT, SUPPORT_DISTANCE = 3, 240.0
# A copy of another scale shifts each landmark by another amount. So many have to agree on a scale
# and a shift, to within these px; strangers of the real sample share six landmarks in 21 pairs of
# a million, copies enlarged by a tenth 35 at least.
MIN_RESCALED_VOTES, RESCALED_STEP = 6, 3.0
# The scales looked for; nearer to one the shift fits, and farther off descriptors no longer do.
MIN_RESCALING, MAX_RESCALING = 0.01, 0.3


@dataclass(frozen=True)
class Placement:
    """How a second crop lies in a first: oriented, then scaled, it begins at (dx, dy) px."""

    dx: float
    dy: float
    orientation: int = UPRIGHT
    scale: float = 1.0


def candidate_overlaps(
    found: Sequence[Landmarks],
) -> Iterator[tuple[int, int, Placement]]:
    """Pairs (one, two, placement) with one < two whose landmarks agree on a placement.

    Near landmarks come from a hash, whose cost grows with their number; comparing all pairs would
    grow with its square.
    """
    counts = np.array([len(one.places) for one in found], dtype=np.int64)
    if counts.sum() == 0:
        return
    owner = np.repeat(np.arange(len(found), dtype=np.int32), counts)
    places = np.concatenate([one.places for one in found])
    one, two, turn = similar_pairs(
        np.concatenate([one.descriptors for one in found]), owner, MAX_DESCRIPTOR_DISTANCE
    )
    crops = owner[one].astype(np.int64) << 34 | owner[two].astype(np.int64) << 3 | turn
    order = np.argsort(crops, kind="stable")
    crops, one, two, turn = crops[order], one[order], two[order], turn[order]
    starts = np.flatnonzero(np.diff(crops, prepend=-1))
    sizes = np.diff(starts, append=len(crops))
    many = sizes >= MIN_VOTES
    # Most have two votes: whether these agree is seen for all at once.
    mine, other = places[one], places[two]
    for orientation in range(len(ORIENTATIONS)):
        those = turn == orientation
        other[those] = oriented_places(other[those], orientation, INPUT_SIZE)
    shift = mine - other
    pairs = np.flatnonzero(sizes == MIN_VOTES)
    gaps = np.abs(shift[starts[pairs]] - shift[starts[pairs] + 1]).max(axis=1)
    many[pairs[gaps > SHIFT_STEP]] = False
    for start, size in zip(starts[many].tolist(), sizes[many].tolist(), strict=True):
        first, second = divmod(int(crops[start]) >> 3, 2**31)
        votes, orientation = slice(start, start + size), int(turn[start])
        for dx, dy in _agreed(shift[votes]):
            yield first, second, Placement(dx, dy, orientation)
        if size >= MIN_RESCALED_VOTES:
            fitted = _rescaled(mine[votes], other[votes])
            if fitted is not None:
                dx, dy, scale = fitted
                yield first, second, Placement(dx, dy, orientation, scale)


def _agreed(shifts: NDArray[np.float32]) -> Iterator[tuple[float, float]]:
    """Every shift that has support, the best first: the pixels decide."""
    close = (np.abs(shifts[:, None] - shifts[None]) <= SHIFT_STEP).all(axis=2)
    agree = close.sum(axis=1)
    left = np.ones(len(shifts), dtype=bool)
    for best in np.argsort(-agree, kind="stable").tolist():
        if agree[best] < MIN_VOTES:
            return
        if left[best]:
            dx, dy = np.median(shifts[close[best]], axis=0).tolist()
            yield dx, dy
            left &= ~close[best]


def _rescaled(
    mine: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[float, float, float] | None:
    """dx, dy and scale that bring places (K, 2) of one crop to their like in another, if any do."""
    one, two = np.triu_indices(len(mine), 1)
    here, there = mine[two] - mine[one], other[two] - other[one]
    squares = (there * there).sum(axis=1)
    apart = squares >= RESCALED_STEP**2
    if not apart.any():
        return None
    scale = float(np.median((here * there).sum(axis=1)[apart] / squares[apart]))
    left = mine - scale * other
    fits = (np.abs(left - np.median(left, axis=0)) <= RESCALED_STEP).all(axis=1)
    if fits.sum() < MIN_RESCALED_VOTES:
        return None
    mine, other = mine[fits], other[fits]
    centre, middle = mine.mean(axis=0), other.mean(axis=0)
    spread = float(((other - middle) ** 2).sum())
    scale = float(((mine - centre) * (other - middle)).sum() / max(spread, 1.0))
    if not MIN_RESCALING < abs(scale - 1) < MAX_RESCALING:
        return None
    dx, dy = (centre - scale * middle).tolist()
    return dx, dy, scale


def has_support(one: Landmarks, two: Landmarks, how: Placement) -> bool:
    """Whether enough landmarks of two crops fit a shift; far cheaper than their pixels.

    Args:
        one, two: landmarks of the crops, the second oriented already.
        how: where ``two`` seems to begin in ``one``.
    """
    return bool(
        _support(one.places, one.descriptors, two.places, two.descriptors, how.dx, how.dy)
        >= MIN_SUPPORT
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
