"""Millions of descriptors → pairs that are nearly equal, at a cost that grows linearly.

Descriptors are hashed by the sides of random planes on which they lie (Charikar, STOC 2002): near
ones mostly share all bits of a short code, others rarely. Sorted by code, each is compared with
those right behind it as long as the code is the same. The code gets one bit longer when the number
doubles, so that a landmark meets as few strangers among eighteen million as among thousands.
Several codes make up for those that a plane happens to part.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Codes, and how many are looked at behind each; the longest code that is sorted by.
TABLES, WINDOW, LONGEST = 8, 12, 48
# The code is so many bits shorter than the logarithm of the number: about four share one.
SPARE_BITS = 2
_BLOCK, _CENTRE_ROWS, _SEED = 65_536, 100_000, 0


def similar_pairs(
    vectors: NDArray[np.uint8], owner: NDArray[np.int32], farthest: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows (one < two) of different owners that are near each other; most, not all.

    Args:
        vectors: (M, 128) uint8.
        owner: (M,) int32, the crop of each.
        farthest: Euclidean distance that counts as near.

    Returns:
        Rows ``one`` and ``two``, each pair once, sorted.
    """
    count = len(vectors)
    if count < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    bits = min(LONGEST, max(1, math.ceil(math.log2(count)) - SPARE_BITS))
    random = np.random.default_rng(_SEED)
    centre = vectors[:: max(1, count // _CENTRE_ROWS)].mean(axis=0, dtype=np.float32)
    tables = []
    for _ in range(TABLES):
        planes = random.standard_normal((vectors.shape[1], LONGEST), dtype=np.float32)
        codes = _codes(vectors, planes, centre @ planes)
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        room = 2 * count
        while True:  # again only where landmarks look very much alike
            out = np.empty(room, np.uint64)
            used = _compare(
                order, codes, np.uint64(LONGEST - bits), owner, vectors, round(farthest**2), out
            )
            if used <= room:
                break
            room = used
        tables.append(out[:used].copy())
    pairs = np.unique(np.concatenate(tables))
    return (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(2**32 - 1)).astype(
        np.int64
    )


def _codes(
    vectors: NDArray[np.uint8], planes: NDArray[np.float32], level: NDArray[np.float32]
) -> NDArray[np.uint64]:
    """(M,) codes of ``LONGEST`` bits, the first plane's as the highest."""
    codes = np.empty(len(vectors), np.uint64)
    for start in range(0, len(vectors), _BLOCK):
        sides = vectors[start : start + _BLOCK].astype(np.float32) @ planes > level
        octets = np.zeros((len(sides), 8), np.uint8)
        octets[:, 8 - LONGEST // 8 :] = np.packbits(sides, axis=1)
        codes[start : start + _BLOCK] = octets.view(">u8")[:, 0]
    return codes


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _compare(
    order: NDArray[np.int64],
    codes: NDArray[np.uint64],
    shift: np.uint64,
    owner: NDArray[np.int32],
    vectors: NDArray[np.uint8],
    farthest: int,
    out: NDArray[np.uint64],
) -> int:
    """Write near pairs as (one << 32 | two) as far as there is room; returns how many there are."""
    used, last = 0, len(order)
    for place in range(last):
        one, code = order[place], codes[place] >> shift
        for behind in range(place + 1, min(last, place + 1 + WINDOW)):
            if codes[behind] >> shift != code:
                break
            two = order[behind]
            if owner[one] == owner[two]:
                continue
            total = np.int32(0)
            for number in range(vectors.shape[1]):
                step = np.int32(vectors[one, number]) - np.int32(vectors[two, number])
                total += step * step
            if total <= farthest:
                if used < len(out):
                    out[used] = (np.uint64(min(one, two)) << np.uint64(32)) | np.uint64(
                        max(one, two)
                    )
                used += 1
    return used
