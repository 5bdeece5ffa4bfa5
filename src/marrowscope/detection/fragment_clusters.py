"""A cluster: one or several fragments taken as the nucleus of one cell, and what it looks like."""

import math
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.detection.nuclear_fragments import NUCLEAR_SHARE, Fragments
from marrowscope.detection.nuclear_map import WORKING_MICRONS

# Fragments with less nuclear area than this (µm²) are noise.
MIN_FRAGMENT = 1.5


class PairFeature(IntEnum):
    """Column of what tells whether two clusters belong to one cell."""

    LOG_AREA_LARGER = 0  # µm²
    LOG_AREA_SMALLER = 1  # µm²
    CENTRE_DISTANCE = 2  # µm
    JOINT_SPREAD = 3  # root of the trace of the joint covariance, µm
    JOINT_RADIUS = 4  # of the joint enclosing circle, µm
    JOINT_SOLIDITY = 5  # share of the joint convex hull that is nucleus
    LOWEST_BETWEEN = 6  # lowest density between the centres over the lighter peak
    SADDLE = 7  # saddle over the lighter peak
    PEAK_RATIO = 8  # peak of the smaller over peak of the larger
    ELLIPSE_FILL_LARGER = 9  # area over that of the ellipse with the same moments
    AXIS_RATIO_LARGER = 10
    ELLIPSE_FILL_SMALLER = 11
    AXIS_RATIO_SMALLER = 12
    MEAN_BETWEEN = 13  # mean density between the centres over the lighter peak
    JOINT_DENSITY = 14  # joint mean density over the darker peak


PAIR_FEATURES: tuple[str, ...] = tuple(feature.name.lower() for feature in PairFeature)


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
        if parts.moments[number, 0] * WORKING_MICRONS**2 < MIN_FRAGMENT:
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
    """What tells whether two clusters belong to one cell, in the order of ``PairFeature``.

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
    features = dict[PairFeature, float]()
    features[PairFeature.LOG_AREA_LARGER] = math.log(large.area)
    features[PairFeature.LOG_AREA_SMALLER] = math.log(small.area)
    features[PairFeature.CENTRE_DISTANCE] = distance * WORKING_MICRONS
    features[PairFeature.JOINT_SPREAD] = both.spread
    features[PairFeature.JOINT_RADIUS] = radius * WORKING_MICRONS
    features[PairFeature.JOINT_SOLIDITY] = both.area / hull_area
    features[PairFeature.LOWEST_BETWEEN] = float(between.min()) / lighter
    features[PairFeature.SADDLE] = saddle / lighter
    features[PairFeature.PEAK_RATIO] = small.peak / large.peak
    fill, ratio = large.ellipse
    features[PairFeature.ELLIPSE_FILL_LARGER] = fill
    features[PairFeature.AXIS_RATIO_LARGER] = ratio
    fill, ratio = small.ellipse
    features[PairFeature.ELLIPSE_FILL_SMALLER] = fill
    features[PairFeature.AXIS_RATIO_SMALLER] = ratio
    features[PairFeature.MEAN_BETWEEN] = float(between.mean()) / lighter
    features[PairFeature.JOINT_DENSITY] = both.mass / float(both.moments[0]) / both.peak
    return [features[feature] for feature in PairFeature]
