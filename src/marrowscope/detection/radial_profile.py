"""Rays from the centre of a nucleus outwards over the image, and what is measured along them.

Compiled loops behind ``cytoplasm_rim``, which says what is measured and why.
"""

from typing import Any

import numpy as np
from numba import njit

from marrowscope.detection.nuclear_map import BLUE_SHARE
from marrowscope.detection.rim_features import RAY_FEATURES, RimFeature

RAYS = 64
RAY_STEP = 0.1  # µm along a ray
RAY_MARGIN = 3.2  # µm that rays reach beyond the nucleus
# The nucleus ends where its density falls below this share of its mean.
EDGE_SHARE = 0.6
# Within so much of its end (µm) the edge is blurred; nothing there belongs to the core.
BLURRED, CORE = 0.4, 1.2
RIM = (0.2, 0.8)  # µm before the end
RING = (0.4, 1.0)  # µm beyond the end
# Density, in the greater of red and green, with which something is stained; the second is plain.
STAINED, PLAINLY = 0.12, 0.2
# A ray is bare when what is stained ends within so much (µm) of the nucleus; blur takes half of it.
BARE, PLAINLY_BARE = 1.0, 0.7
# What is stained over more than this (µm) is no seam: a wide cytoplasm, a red cell, a neighbour.
WIDE = 3.0
# Glass between cells holds plasma: up to so much density is taken for the background.
DENSEST_BACKGROUND = 0.12
OTHER_NUCLEUS = 0.3  # density in the map from which another nucleus begins

_FAST: Any = {"nogil": True, "cache": True}


@njit(**_FAST)
def measure_along_rays(
    image: Any,
    logarithm: Any,
    white: Any,
    density: Any,
    labels: Any,
    owner: Any,
    centres: Any,
    reach: Any,
    level: Any,
    micron: float,
    scale: float,
) -> Any:
    """The first ``RAY_FEATURES`` of ``RimFeature`` of each nucleus, (N, RAY_FEATURES).

    Args:
        image: (H, W, 3) uint8 RGB.
        logarithm: (256,) of the pixel values.
        white: (3,) logarithm of the background.
        density, labels: (h, w) nuclear map and its fragments.
        owner: nucleus of each fragment, -1 for none.
        centres: (N, 2) x, y in field pixels.
        reach: (N,) µm, length of the rays.
        level: (N,) mean density in the map.
        micron: µm per field pixel.
        scale: working pixels per field pixel.
    """
    out = np.zeros((centres.shape[0], RAY_FEATURES))
    most = int(reach.max() / RAY_STEP) + 2
    raw = np.zeros((RAYS, most, 3), np.float32)
    smooth = np.zeros((RAYS, most, 3), np.float32)
    what = np.zeros((RAYS, most), np.uint8)
    for cell in range(centres.shape[0]):
        steps = int(reach[cell] / RAY_STEP) + 1
        _sample(
            image,
            logarithm,
            white,
            density,
            labels,
            owner,
            cell,
            centres[cell],
            steps,
            micron,
            scale,
            raw,
            what,
        )
        _smoothed(raw, steps, smooth)
        _measured(smooth, what, steps, level[cell], out[cell])
    return out


# Of red, of green.
_RING_MEDIAN = (RimFeature.RING_RED_MEDIAN, RimFeature.RING_GREEN_MEDIAN)
_RING_HIGH = (RimFeature.RING_RED_HIGH, RimFeature.RING_GREEN_HIGH)
_RING_HIGHEST_OCTANT = (RimFeature.RING_RED_HIGHEST_OCTANT, RimFeature.RING_GREEN_HIGHEST_OCTANT)

# What a sample of a ray is.
_NOTHING, _OWN, _NEIGHBOUR, _OUTSIDE = 0, 1, 2, 3


@njit(**_FAST)
def _sample(
    image: Any,
    logarithm: Any,
    white: Any,
    density: Any,
    labels: Any,
    owner: Any,
    cell: int,
    centre: Any,
    steps: int,
    micron: float,
    scale: float,
    raw: Any,
    what: Any,
) -> None:
    height, width = image.shape[:2]
    rows, columns = labels.shape
    for ray in range(RAYS):
        angle = 2 * np.pi * ray / RAYS
        across, down = np.cos(angle) * RAY_STEP / micron, np.sin(angle) * RAY_STEP / micron
        for step in range(steps):
            x, y = centre[0] + step * across, centre[1] + step * down
            outside = x < -0.5 or y < -0.5 or x >= width - 0.5 or y >= height - 0.5
            column = min(max(int(x + 0.5), 0), width - 1)
            row = min(max(int(y + 0.5), 0), height - 1)
            for channel in range(3):
                raw[ray, step, channel] = white[channel] - logarithm[image[row, column, channel]]
            column = min(max(int((x + 0.5) * scale), 0), columns - 1)
            row = min(max(int((y + 0.5) * scale), 0), rows - 1)
            label = labels[row, column]
            if outside:
                what[ray, step] = _OUTSIDE
            elif label > 0 and owner[label] == cell:
                what[ray, step] = _OWN
            elif label > 0 and density[row, column] > OTHER_NUCLEUS:
                what[ray, step] = _NEIGHBOUR
            else:
                what[ray, step] = _NOTHING


@njit(**_FAST)
def _smoothed(raw: Any, steps: int, smooth: Any) -> None:
    """Means over three rays and three steps."""
    for ray in range(RAYS):
        one, two = (ray - 1) % RAYS, (ray + 1) % RAYS
        for step in range(steps):
            low, high = max(step - 1, 0), min(step + 1, steps - 1)
            for channel in range(3):
                total = np.float32(0)
                for near in (low, step, high):
                    total += raw[one, near, channel] + raw[ray, near, channel]
                    total += raw[two, near, channel]
                smooth[ray, step, channel] = total / 9


@njit(**_FAST)
def _ends(nuclear: Any, what: Any, steps: int, least: float) -> Any:
    """Last step of each ray at which it is in the nucleus; -1 where it never is."""
    ends = np.full(RAYS, -1, np.int64)
    for ray in range(RAYS):
        for step in range(steps):
            if what[ray, step] == _OWN and nuclear[ray, step] > least:
                ends[ray] = step
    return ends


@njit(**_FAST)
def _inside(values: Any, what: Any, ends: Any, margin: int) -> Any:
    """Mean, deviation and share below half the mean of what lies before the edge."""
    weight = total = 0.0
    for ray in range(RAYS):
        for step in range(ends[ray] - margin):
            if what[ray, step] == _OWN:
                weight += step
                total += step * values[ray, step]
    if weight <= 0:
        return 0.0, 0.0, 0.0
    mean = total / weight
    square = hollow = 0.0
    for ray in range(RAYS):
        for step in range(ends[ray] - margin):
            if what[ray, step] == _OWN:
                square += step * (values[ray, step] - mean) ** 2
                if values[ray, step] < 0.5 * mean:
                    hollow += step
    return mean, np.sqrt(square / weight), hollow / weight


@njit(**_FAST)
def _measured(optical: Any, what: Any, steps: int, level: float, out: Any) -> None:
    nuclear = optical[:, :, 0] - np.float32(BLUE_SHARE) * np.maximum(optical[:, :, 2], 0)
    margin = round(BLURRED / RAY_STEP)
    # The map is cut off above and coarse: the mean is taken anew, and the edge from it.
    mean, _, _ = _inside(nuclear, what, _ends(nuclear, what, steps, EDGE_SHARE * level), margin)
    if mean <= 0:
        mean = level
    ends = _ends(nuclear, what, steps, EDGE_SHARE * mean)
    mean_inside, deviation, hollow = _inside(nuclear, what, ends, margin)
    mean_inside = max(mean_inside, 1e-3)
    _measure_rim(optical, nuclear, what, ends, mean, out)
    out[RimFeature.DENSITY_DEVIATION] = deviation / mean_inside
    out[RimFeature.HOLLOW_SHARE] = hollow
    _measure_edge(nuclear, what, steps, ends, mean, out)
    _measure_beyond(optical, what, steps, ends, out)


@njit(**_FAST)
def _measure_rim(optical: Any, nuclear: Any, what: Any, ends: Any, mean: float, out: Any) -> None:
    near, far, deep = round(RIM[0] / RAY_STEP), round(RIM[1] / RAY_STEP), round(CORE / RAY_STEP)
    red, green = np.zeros(8), np.zeros(8)
    core_red = core_green = core_weight = dense = samples = 0.0
    for ray in range(RAYS):
        for step in range(ends[ray] - deep):
            if what[ray, step] == _OWN:
                core_red += step * optical[ray, step, 0]
                core_green += step * optical[ray, step, 1]
                core_weight += step
        for step in range(max(ends[ray] - far, 1), ends[ray] - near + 1):
            red[ray * 8 // RAYS] += optical[ray, step, 0]
            green[ray * 8 // RAYS] += optical[ray, step, 1]
            dense += nuclear[ray, step]
            samples += 1
    out[RimFeature.RIM_COLOUR] = 1.0
    out[RimFeature.RIM_COLOUR_LOWEST_OCTANT] = 1.0
    out[RimFeature.RIM_DENSITY] = 1.0
    if core_weight <= 0 or core_red <= 0 or samples == 0:
        return
    ratio = core_green / core_red
    out[RimFeature.RIM_COLOUR] = green.sum() / max(red.sum(), 1e-6) / ratio
    lowest = 1.0
    for octant in range(8):
        if red[octant] > 0:
            lowest = min(lowest, green[octant] / red[octant] / ratio)
    out[RimFeature.RIM_COLOUR_LOWEST_OCTANT] = lowest
    out[RimFeature.RIM_DENSITY] = dense / samples / mean
    out[RimFeature.CORE_RED] = core_red / core_weight


@njit(**_FAST)
def _measure_edge(nuclear: Any, what: Any, steps: int, ends: Any, mean: float, out: Any) -> None:
    rays = rough = total = square = whole = 0.0
    falls = np.zeros(RAYS)
    known = 0
    for ray in range(RAYS):
        end = ends[ray]
        if end < 0:
            continue
        rays += 1
        total += end
        square += end * end
        beside = ends[(ray - 1) % RAYS] + ends[(ray + 1) % RAYS]
        rough += abs(end - 0.5 * beside)
        first = end
        for step in range(end):
            if not (what[ray, step] == _OWN and nuclear[ray, step] > EDGE_SHARE * mean):
                first = step
                break
        whole += first / max(end, 1)
        if end >= 4 and end + 4 < steps and what[ray, end + 4] <= _OWN:
            falls[known] = (nuclear[ray, end - 3] - nuclear[ray, end + 4]) / mean
            known += 1
    radius = max(total / max(rays, 1), 1.0)
    out[RimFeature.EDGE_ROUGHNESS] = rough / max(rays, 1) / radius
    out[RimFeature.EDGE_FALL] = np.median(falls[:known]) if known else 0.0
    spread = max(square / max(rays, 1) - (total / max(rays, 1)) ** 2, 0.0)
    out[RimFeature.RADIUS_DEVIATION] = np.sqrt(spread) / radius
    out[RimFeature.UNBROKEN_SHARE] = whole / max(rays, 1)


@njit(**_FAST)
def _measure_beyond(optical: Any, what: Any, steps: int, ends: Any, out: Any) -> None:
    background = _ring_background(optical, what, steps, ends)
    bare = plainly = seam = wide = blocked = 0.0
    ring, octants, rays = np.zeros((2, RAYS)), np.zeros((2, 8)), np.zeros(8)
    known = 0
    low, high = round(RING[0] / RAY_STEP), round(RING[1] / RAY_STEP)
    for ray in range(RAYS):
        end = ends[ray]
        # Where what is stained ends, and whether something else comes before.
        first = second = steps
        for step in range(max(end, 0), steps):
            stain = max(
                optical[ray, step, 0] - background[0], optical[ray, step, 1] - background[1]
            )
            if stain <= PLAINLY and second == steps and step > end:
                second = step
            if stain <= STAINED and step > end:
                first = step
                break
        met = end < 0
        for step in range(max(end, 0), min(first + 6, steps)):
            met = met or what[ray, step] >= _NEIGHBOUR
        if met:
            blocked += 1
        else:
            away = (first - end) * RAY_STEP
            bare += away <= BARE + 1e-6
            seam += BARE - 0.2 < away < WIDE
            wide += away >= WIDE
            plainly += (second - end) * RAY_STEP <= PLAINLY_BARE + 1e-6
        free = end >= 0
        for step in range(max(end, 0), min(end + 13, steps)):
            free = free and what[ray, step] < _NEIGHBOUR
        if free and end + high < steps:
            for channel in range(2):
                ring[channel, known] = optical[ray, end + low : end + high, channel].mean()
                octants[channel, ray * 8 // RAYS] += ring[channel, known]
            rays[ray * 8 // RAYS] += 1
            known += 1
    out[RimFeature.BARE_RAYS] = bare / RAYS
    out[RimFeature.PLAINLY_BARE_RAYS] = plainly / RAYS
    out[RimFeature.SEAM_RAYS] = seam / RAYS
    out[RimFeature.WIDE_RAYS] = wide / RAYS
    out[RimFeature.BLOCKED_RAYS] = blocked / RAYS
    for channel in range(2):
        median = high_value = highest = 1.0
        if known:
            values = np.sort(ring[channel, :known])
            median = values[known // 2]
            high_value = values[min(int(0.9 * known), known - 1)]
            highest = -1.0
            for octant in range(8):
                if rays[octant] >= 3:
                    highest = max(highest, octants[channel, octant] / rays[octant])
        out[_RING_MEDIAN[channel]] = median
        out[_RING_HIGH[channel]] = high_value
        out[_RING_HIGHEST_OCTANT[channel]] = highest


@njit(**_FAST)
def _ring_background(optical: Any, what: Any, steps: int, ends: Any) -> Any:
    """Density of red and green of the palest there is around, where plasma may lie."""
    values = np.zeros((2, RAYS * steps), np.float32)
    known = 0
    for ray in range(RAYS):
        for step in range(ends[ray] + 10, steps):
            if what[ray, step] <= _OWN:
                values[0, known] = optical[ray, step, 0]
                values[1, known] = optical[ray, step, 1]
                known += 1
    background = np.zeros(2)
    if known > 30:
        for channel in range(2):
            ordered = np.sort(values[channel, :known])
            background[channel] = min(max(ordered[int(0.15 * known)], -0.1), DENSEST_BACKGROUND)
    return background
