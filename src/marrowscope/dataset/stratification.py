"""Units that nothing parts, and the classes of their cells → the part of each unit.

Who goes where is decided by SHA-256 of (seed, unit): not by row order, not by a random generator
whose stream may change between versions.
"""

import hashlib
from collections import defaultdict
from itertools import pairwise
from math import fsum
from typing import NamedTuple

import numpy as np


class Stratum(NamedTuple):
    """What is divided by itself: a class, of one laboratory where there are several ("" else)."""

    label: str
    laboratory: str = ""


Members = dict[str, dict[Stratum, int]]  # by unit, that nothing parts: its cells by stratum


def deal_images(members: Members, shares: tuple[float, ...], seed: int) -> dict[str, int]:
    """Every unit is one image content: deal each class out in hash order, exact to one image.

    Of several laboratories each class is dealt out one laboratory after the other, so that both the
    class and its share of every laboratory are exact to one image.
    """
    by_label: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for unit, counts in members.items():
        # Index excludes content with two labels; should a table hold some, it goes with one.
        label, laboratory = min(counts)
        by_label[label][laboratory].append(unit)
    place = {}
    for label, by_laboratory in by_label.items():
        heaps = [
            sorted(by_laboratory[name], key=lambda unit: _digest(seed, unit))
            for name in sorted(by_laboratory)
        ]
        # Small classes start at different parts, so that they do not all miss the same one.
        turn = _digest(seed, "class " + label) % len(shares) if len(set(shares)) == 1 else 0
        for heap, parts in zip(heaps, _dealt([len(heap) for heap in heaps], shares), strict=True):
            for unit, part in zip(heap, parts, strict=True):
                place[unit] = (part + turn) % len(shares)
    return place


def _dealt(sizes: list[int], shares: tuple[float, ...]) -> list[list[int]]:
    """Parts of the units of each heap, so that heaps and total are exact to one unit.

    One heap is cut in its order. Of several, equal shares go round in turn through all heaps, and
    of two shares each heap gets what the cut of all heaps so far leaves for it.
    """
    total = sum(sizes)
    bounds = np.round(np.cumsum(shares) * total).astype(int)
    if len(shares) == 2 and total >= 2:
        bounds[0] = min(max(bounds[0], 1), total - 1)
    if len(sizes) == 1:
        return [[int(np.searchsorted(bounds, rank, side="right")) for rank in range(total)]]
    ends = np.cumsum(sizes)
    if len(set(shares)) == 1:
        return [
            [rank % len(shares) for rank in range(end - size, end)]
            for size, end in zip(sizes, ends, strict=True)
        ]
    cuts = [0, *(min(round(shares[0] * int(end)), int(bounds[0])) for end in ends[:-1]), bounds[0]]
    first = [int(high - low) for low, high in pairwise(cuts)]
    return [[0] * one + [1] * (size - one) for one, size in zip(first, sizes, strict=True)]


def deal_groups(members: Members, shares: tuple[float, ...], seed: int) -> dict[str, int]:
    """Greedy: groups from large to small, each to the part that lacks its classes most.

    Sums go through ``fsum``, whose result does not depend on order or machine.
    """
    totals: dict[Stratum, int] = defaultdict(int)
    for counts in members.values():
        for stratum, count in counts.items():
            totals[stratum] += count
    weights = {
        unit: {stratum: count / totals[stratum] for stratum, count in counts.items()}
        for unit, counts in members.items()
    }

    def order(unit: str) -> tuple[float, int]:
        # Large groups first, but not strictly: the seed has to matter.
        jitter = 0.5 + _digest(seed, unit) / 2**64
        return -fsum(weights[unit].values()) * jitter, _digest(seed, unit)

    filled: list[dict[Stratum, float]] = [defaultdict(float) for _ in shares]
    place = {}
    for unit in sorted(members, key=order):
        gains = [
            round(fsum(w * (1 - have[key] / share) for key, w in weights[unit].items()), 12)
            for have, share in zip(filled, shares, strict=True)
        ]
        part = place[unit] = gains.index(max(gains))
        for stratum, weight in weights[unit].items():
            filled[part][stratum] += weight
    return place


def _digest(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:8], "big")
