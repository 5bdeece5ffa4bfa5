"""Millions of descriptors → pairs nearly equal in one of eight orientations, at a linear cost.

Descriptors are hashed by the sides of random planes on which they lie (Charikar, STOC 2002): near
ones mostly share all bits of a short code, others rarely. Sorted by code, each is compared with
those right behind it as long as the code is the same. The code gets one bit longer when the number
doubles, so that a landmark meets as few strangers among eighteen million as among thousands.
Several codes make up for those that a plane happens to part.

What is turned or mirrored is brought into one orientation first: the one of eight that lies
farthest along a random direction, another for every code. Two descriptors of the same surroundings
get there from any orientation, unless two orientations lie about as far; another code then helps.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from marrowscope.dataset.crop_orientations import DESCRIPTOR_ORDERS, RELATIVE

# Codes, and how many are looked at behind each; the longest code that is sorted by.
TABLES, WINDOW, LONGEST = 8, 12, 48
# The code is so many bits shorter than the logarithm of the number: about four share one.
SPARE_BITS = 2
_BLOCK, _CENTRE_ROWS, _SEED = 65_536, 100_000, 0
_ROW_BITS, _ORIENTATION_BITS = 30, 3


def similar_pairs(
    vectors: NDArray[np.uint8], owner: NDArray[np.int32], farthest: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Pairs of rows (one < two) of different owners that are near each other; most, not all.

    Args:
        vectors: (M, 128) uint8 SIFT descriptors, fewer than 2³⁰.
        owner: (M,) int32, the crop of each.
        farthest: Euclidean distance that counts as near.

    Returns:
        Rows ``one`` and ``two``, and the orientation in which the second crop lies like the first;
        each once, sorted.
    """
    count = len(vectors)
    if count < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8)
    bits = min(LONGEST, max(1, math.ceil(math.log2(count)) - SPARE_BITS))
    random = np.random.default_rng(_SEED)
    sample = vectors[:: max(1, count // _CENTRE_ROWS)]
    tables = []
    for _ in range(TABLES):
        direction = random.standard_normal(vectors.shape[1:], dtype=np.float32)
        planes = random.standard_normal((vectors.shape[1], LONGEST), dtype=np.float32)
        centre = _canonical(sample, _orientations(sample, direction)).mean(0, dtype=np.float32)
        turns = _orientations(vectors, direction)
        codes = _codes(vectors, turns, planes, centre @ planes)
        order = np.argsort(codes, kind="stable")
        tables.append(
            _near(vectors, turns, owner, order, codes[order] >> np.uint64(LONGEST - bits), farthest)
        )
    pairs = np.unique(np.concatenate(tables))
    rows = np.uint64(2**_ROW_BITS - 1)
    return (
        (pairs >> np.uint64(_ROW_BITS + _ORIENTATION_BITS)).astype(np.int64),
        (pairs >> np.uint64(_ORIENTATION_BITS) & rows).astype(np.int64),
        (pairs & np.uint64(2**_ORIENTATION_BITS - 1)).astype(np.uint8),
    )


def _orientations(vectors: NDArray[np.uint8], direction: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(M,) the orientation in which each descriptor lies farthest along the direction."""
    # Turning the descriptor one way is turning the direction the other way.
    towards = np.stack([direction[np.argsort(order)] for order in DESCRIPTOR_ORDERS], axis=1)
    chosen = np.empty(len(vectors), np.uint8)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float32)
        chosen[start : start + _BLOCK] = (block @ towards).argmax(axis=1)
    return chosen


def _canonical(vectors: NDArray[np.uint8], turns: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The descriptors (M, 128), each in the orientation given for it."""
    return np.take_along_axis(vectors, DESCRIPTOR_ORDERS[turns], axis=1)


def _codes(
    vectors: NDArray[np.uint8],
    turns: NDArray[np.uint8],
    planes: NDArray[np.float32],
    level: NDArray[np.float32],
) -> NDArray[np.uint64]:
    """(M,) codes of ``LONGEST`` bits, the first plane's as the highest."""
    codes = np.empty(len(vectors), np.uint64)
    for start in range(0, len(vectors), _BLOCK):
        block = slice(start, start + _BLOCK)
        sides = _canonical(vectors[block], turns[block]).astype(np.float32) @ planes > level
        octets = np.zeros((len(sides), 8), np.uint8)
        octets[:, 8 - LONGEST // 8 :] = np.packbits(sides, axis=1)
        codes[block] = octets.view(">u8")[:, 0]
    return codes


def _near(
    vectors: NDArray[np.uint8],
    turns: NDArray[np.uint8],
    owner: NDArray[np.int32],
    order: NDArray[np.int64],
    codes: NDArray[np.uint64],
    farthest: float,
) -> NDArray[np.uint64]:
    """Near pairs among those that follow each other with the same code; block by block."""
    found = []
    for start in range(0, len(order), _BLOCK):
        rows = order[start : start + _BLOCK + WINDOW]
        held = _canonical(vectors[rows], turns[rows])
        out = np.empty(2 * len(rows), np.uint64)
        arguments = (rows, codes[start : start + len(rows)], owner[rows], turns[rows], held)
        used = _compare(*arguments, min(_BLOCK, len(rows)), round(farthest**2), RELATIVE, out)
        if used > len(out):  # only where landmarks look very much alike
            out = np.empty(used, np.uint64)
            _compare(*arguments, min(_BLOCK, len(rows)), round(farthest**2), RELATIVE, out)
        found.append(out[:used].copy())
    return np.concatenate(found)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _compare(
    rows: NDArray[np.int64],
    codes: NDArray[np.uint64],
    owner: NDArray[np.int32],
    turns: NDArray[np.uint8],
    vectors: NDArray[np.uint8],
    first: int,
    farthest: int,
    relative: NDArray[np.uint8],
    out: NDArray[np.uint64],
) -> int:
    """Write near pairs (one, two, orientation in 30, 30 and 3 bits) as far as there is room.

    Only the ``first`` rows look behind themselves. Returns how many pairs there are.
    """
    used, last = 0, len(rows)
    for place in range(first):
        for behind in range(place + 1, min(last, place + 1 + WINDOW)):
            if codes[behind] != codes[place]:
                break
            if owner[place] == owner[behind]:
                continue
            total = np.int32(0)
            for number in range(vectors.shape[1]):
                step = np.int32(vectors[place, number]) - np.int32(vectors[behind, number])
                total += step * step
            if total <= farthest:
                if used < len(out):
                    one, two = place, behind
                    if rows[one] > rows[two]:
                        one, two = two, one
                    out[used] = (
                        (np.uint64(rows[one]) << np.uint64(33))
                        | (np.uint64(rows[two]) << np.uint64(3))
                        | np.uint64(relative[turns[one], turns[two]])
                    )
                used += 1
    return used
