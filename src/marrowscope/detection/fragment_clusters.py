"""A cluster: one or several fragments taken as the nucleus of one cell, and what it looks like."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.detection.nuclear_fragments import NUCLEAR_SHARE, Fragments
from marrowscope.detection.nuclear_map import WORKING_MICRONS

# Fragments with less nuclear area than this (µm²) are noise.
LEAST_FRAGMENT = 1.5

PAIR_FEATURES: tuple[str, ...] = (
    "log area of the larger, µm²",
    "log area of the smaller, µm²",
    "distance of the centres, µm",
    "joint spread (root of the trace of the covariance), µm",
    "radius of the joint enclosing circle, µm",
    "share of the joint convex hull that is nucleus",
    "lowest density between the centres over the lighter peak",
    "saddle over the lighter peak",
    "peak of the smaller over peak of the larger",
    "area over that of the ellipse with the same moments, larger",
    "axis ratio of the larger",
    "area over that of the ellipse with the same moments, smaller",
    "axis ratio of the smaller",
    "mean density between the centres over the lighter peak",
    "joint mean density over the darker peak",
)


@dataclass(frozen=True)
class Cluster:
    """Sums over the nuclear pixels (working pixels), and their convex hull.

    Attributes:
        moments: (6,) count, sums of x, y, x², y², xy.
        mass: sum of density.
        peak: density of the darkest part.
        hull: (K, 2) int32 corners x, y.
        members: numbers of its fragments.
    """

    moments: NDArray[np.float64]
    mass: float
    peak: float
    hull: NDArray[np.int32]
    members: tuple[int, ...]

    @property
    def area(self) -> float:
        """Nuclear area, µm²."""
        return float(self.moments[0]) * WORKING_MICRONS**2

    @property
    def content(self) -> float:
        """Optical density summed over the nuclear area, µm²."""
        return self.mass * WORKING_MICRONS**2

    @property
    def centre(self) -> tuple[float, float]:
        """Of the nuclear pixels, working pixels x, y."""
        count, x, y = self.moments[:3]
        return float(x / count), float(y / count)

    @property
    def covariance(self) -> tuple[float, float, float]:
        """Of x, of y, and between both, working pixels squared; 1/12 for the pixel's own extent."""
        _, x, y, xx, yy, xy = self.moments / self.moments[0]
        return float(xx - x * x) + 1 / 12, float(yy - y * y) + 1 / 12, float(xy - x * y)

    @property
    def spread(self) -> float:
        """Root of the trace of the covariance, µm."""
        along, across, _ = self.covariance
        return WORKING_MICRONS * math.sqrt(along + across)

    @property
    def ellipse(self) -> tuple[float, float]:
        """Area over that of the ellipse with the same moments, and its axis ratio in (0, 1]."""
        xx, yy, xy = self.covariance
        determinant = max(xx * yy - xy * xy, 1e-6)
        half = (xx + yy) / 2
        larger = half + math.sqrt(max(half * half - determinant, 0.0))
        filled = float(self.moments[0]) / (4 * math.pi * math.sqrt(determinant))
        return filled, math.sqrt(max(determinant / larger, 1e-3) / larger)

    def joined(self, other: "Cluster") -> "Cluster":
        """Both as one."""
        corners = cv2.convexHull(np.concatenate((self.hull, other.hull)))[:, 0]
        return Cluster(
            self.moments + other.moments,
            self.mass + other.mass,
            max(self.peak, other.peak),
            corners,
            self.members + other.members,
        )


def clusters_of_fragments(density: NDArray[np.float32], parts: Fragments) -> dict[int, Cluster]:
    """One cluster per fragment that is more than noise, by its number."""
    nuclear = (parts.labels > 0) & (density > NUCLEAR_SHARE * parts.peak[parts.labels])
    y, x = np.nonzero(nuclear)
    owner = parts.labels[y, x]
    order = np.argsort(owner, kind="stable")
    places = np.stack((x[order], y[order]), axis=1).astype(np.int32)
    bounds = np.searchsorted(owner[order], np.arange(len(parts.peak) + 1))
    made = {}
    for number in range(1, len(parts.peak)):
        if parts.moments[number, 0] * WORKING_MICRONS**2 < LEAST_FRAGMENT:
            continue
        hull = cv2.convexHull(places[bounds[number] : bounds[number + 1]])[:, 0]
        made[number] = Cluster(
            parts.moments[number],
            float(parts.mass[number]),
            float(parts.peak[number]),
            hull,
            (number,),
        )
    return made


def pair_features(
    one: Cluster, two: Cluster, saddle: float, density: NDArray[np.float32]
) -> list[float]:
    """What tells whether two clusters belong to one cell; see ``PAIR_FEATURES``.

    Args:
        one, two: the clusters, in any order.
        saddle: density at which they meet, 0 if they do not.
        density: the nuclear map.
    """
    large, small = (one, two) if one.moments[0] >= two.moments[0] else (two, one)
    both = large.joined(small)
    lighter = min(one.peak, two.peak)
    (x1, y1), (x2, y2) = large.centre, small.centre
    distance = math.hypot(x1 - x2, y1 - y2)
    steps = np.linspace(0.0, 1.0, max(int(distance), 2))
    rows = np.clip(np.rint(y1 + steps * (y2 - y1)).astype(int), 0, density.shape[0] - 1)
    columns = np.clip(np.rint(x1 + steps * (x2 - x1)).astype(int), 0, density.shape[1] - 1)
    between = density[rows, columns]
    _, radius = cv2.minEnclosingCircle(both.hull.astype(np.float32))
    hull_area = cv2.contourArea(both.hull) * WORKING_MICRONS**2 + 1.0
    return [
        math.log(large.area),
        math.log(small.area),
        distance * WORKING_MICRONS,
        both.spread,
        radius * WORKING_MICRONS,
        both.area / hull_area,
        float(between.min()) / lighter,
        saddle / lighter,
        small.peak / large.peak,
        *large.ellipse,
        *small.ellipse,
        float(between.mean()) / lighter,
        both.mass / float(both.moments[0]) / both.peak,
    ]
