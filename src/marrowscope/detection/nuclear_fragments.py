"""Divide the nuclear map into fragments: whole nuclei, or lobes of one.

Pixels are taken from the darkest down. One that touches nothing taken before begins a fragment; one
that touches a fragment joins it; where two fragments meet, they become one if the saddle between
them is nearly as dark as the lighter of the two (or that one is a mere speck), and otherwise the
saddle is kept as a measure of how well they are parted. This is watershed by flooding with the
simplification by persistence (Edelsbrunner, Letscher, Zomorodian 2002) done on the way.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from marrowscope.detection.nuclear_map import DARKEST, WORKING_MICRONS

# Below this density nothing belongs to a nucleated cell; half the density of pale cytoplasm.
FLOOR = 0.13
# Fragments whose saddle reaches this share of the lighter one's peak are one.
SADDLE_SHARE = 0.86
# Nuclear pixels of a fragment: at least this share of its peak. The rest is cytoplasm.
NUCLEAR_SHARE = 0.55
# Peaks are looked for in a map smoothed to the size of chromatin clumps (µm).
PEAK_SMOOTHING_MICRONS = 0.8
LEVELS = 512
SPECK_PIXELS = 12

_FAST: Any = {"nogil": True, "cache": True}


@dataclass(frozen=True)
class Fragments:
    """Fragments 1..n of a map; index 0 is the background.

    Attributes:
        labels: (h, w) int32.
        peak: (n + 1,) density of the darkest part; 0 where a number is not used.
        moments: (n + 1, 6) of the nuclear pixels: count, sums of x, y, x², y², xy.
        mass: (n + 1,) sum of density over the nuclear pixels.
        saddles: {(i, j): density} for i < j of fragments that touch.
    """

    labels: NDArray[np.int32]
    peak: NDArray[np.float64]
    moments: NDArray[np.float64]
    mass: NDArray[np.float64]
    saddles: dict[tuple[int, int], float]


def find_fragments(density: NDArray[np.float32]) -> Fragments:
    """Divide a nuclear map (h, w) in [0, DARKEST]."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    inside = cv2.morphologyEx((density > FLOOR).astype(np.uint8), cv2.MORPH_OPEN, disc)
    sigma = PEAK_SMOOTHING_MICRONS / WORKING_MICRONS
    smooth = cv2.GaussianBlur(density, (0, 0), sigma)
    levels = np.clip(smooth * ((LEVELS - 1) / DARKEST), 0, LEVELS - 1).astype(np.int32)
    labels, peaks, first, second, met = _flood(levels, inside, SADDLE_SHARE, LEVELS, SPECK_PIXELS)
    peak = peaks * (DARKEST / (LEVELS - 1))
    moments, mass = _moments(labels, density, peak, NUCLEAR_SHARE)
    saddles: dict[tuple[int, int], float] = {}
    for one, two, level in zip(first.tolist(), second.tolist(), met.tolist(), strict=True):
        if one != two:
            pair = (min(one, two), max(one, two))
            saddles[pair] = max(saddles.get(pair, 0.0), level * DARKEST / (LEVELS - 1))
    return Fragments(labels, peak, moments, mass, saddles)


@njit(**_FAST)
def _root(parent: Any, label: int) -> Any:
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@njit(**_FAST)
def _from_the_darkest(levels: Any, inside: Any, count: int) -> Any:
    """Flat indices of the pixels inside, by falling level, by position within one level."""
    height, width = levels.shape
    start = np.zeros(count + 1, np.int64)
    for y in range(height):
        for x in range(width):
            if inside[y, x]:
                start[count - 1 - levels[y, x] + 1] += 1
    for level in range(count):
        start[level + 1] += start[level]
    order = np.empty(start[count], np.int64)
    for y in range(height):
        for x in range(width):
            if inside[y, x]:
                place = count - 1 - levels[y, x]
                order[start[place]] = y * width + x
                start[place] += 1
    return order


@njit(**_FAST)
def _flood(levels: Any, inside: Any, share: float, count: int, speck: int) -> Any:
    height, width = levels.shape
    order = _from_the_darkest(levels, inside, count)
    labels = np.zeros((height, width), np.int32)
    parent = np.zeros(order.size + 1, np.int32)
    peak = np.zeros(order.size + 1, np.int32)
    size = np.zeros(order.size + 1, np.int32)
    first, second, met = [np.int32(0)], [np.int32(0)], [np.int32(0)]
    made = 0
    for flat in order:
        y, x = flat // width, flat % width
        level = levels[y, x]
        mine = 0
        for row in range(max(0, y - 1), min(height, y + 2)):
            for column in range(max(0, x - 1), min(width, x + 2)):
                if labels[row, column] == 0:
                    continue
                other = _root(parent, labels[row, column])
                if mine == 0 or mine == other:
                    mine = other
                    continue
                low = other if peak[other] < peak[mine] else mine
                high = mine if low == other else other
                if level >= share * peak[low] or size[low] < speck:
                    parent[low] = high
                    size[high] += size[low]
                    mine = high
                else:
                    known = False
                    for back in range(len(met) - 1, max(0, len(met) - 64), -1):
                        if first[back] == low and second[back] == high:
                            known = True
                            break
                    if not known:
                        first.append(np.int32(low))
                        second.append(np.int32(high))
                        met.append(np.int32(level))
        if mine == 0:
            made += 1
            parent[made] = made
            peak[made] = level
            mine = made
        labels[y, x] = mine
        size[mine] += 1
    for flat in order:
        y, x = flat // width, flat % width
        labels[y, x] = _root(parent, labels[y, x])
    one, two, at = np.array(first), np.array(second), np.array(met)
    for edge in range(1, one.size):
        one[edge] = _root(parent, one[edge])
        two[edge] = _root(parent, two[edge])
    return labels, peak[: made + 1], one[1:], two[1:], at[1:]


@njit(**_FAST)
def _moments(labels: Any, density: Any, peak: Any, share: float) -> Any:
    height, width = labels.shape
    moments = np.zeros((peak.size, 6))
    mass = np.zeros(peak.size)
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label > 0 and density[y, x] > share * peak[label]:
                row = moments[label]
                row[0] += 1
                row[1] += x
                row[2] += y
                row[3] += x * x
                row[4] += y * y
                row[5] += x * y
                mass[label] += density[y, x]
    return moments, mass
