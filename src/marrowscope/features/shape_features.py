"""Masks → shape of cell and nucleus: size, roundness, moments, outline, lobes, Zernike."""

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.features.feature_names import Feature
from marrowscope.features.image_planes import PLANES, ImagePlanes
from marrowscope.preprocessing import MICRONS_PER_PIXEL

_AREA = MICRONS_PER_PIXEL**2
_DEGREE = 8
_ZERNIKE = [(n, m) for n in range(_DEGREE + 1) for m in range(n + 1) if (n - m) % 2 == 0]
_FOURIER = 10
_ZERNIKE_SIDE = 36
_OUTLINE = (
    ("area", "µm²", "area"),
    ("perimeter", "µm", "length of the outline"),
    ("circularity", "1", "4π area / perimeter²"),
    ("diameter", "µm", "diameter of the disc of the same area"),
    ("major", "µm", "longer axis of the ellipse of the same moments"),
    ("minor", "µm", "shorter axis of the ellipse of the same moments"),
    ("eccentricity", "1", "eccentricity of that ellipse"),
    ("solidity", "1", "area / area of the convex hull"),
    ("convexity", "1", "perimeter of the convex hull / perimeter"),
    ("extent", "1", "area / area of the smallest rotated box"),
    ("feret_ratio", "1", "shorter / longer side of the smallest rotated box"),
    ("dent", "µm", "deepest dent below the convex hull"),
    ("dents", "1", "number of dents deeper than 0.5 µm"),
    ("radius_sd", "1", "sd / mean of the radius from centroid to outline"),
    ("radius_ratio", "1", "smallest / largest radius from centroid to outline"),
    ("depth", "µm", "largest distance of an inner point from the border"),
    ("depth_mean", "µm", "mean distance of inner points from the border"),
    ("parts", "1", "number of connected parts"),
    ("largest_part", "1", "share of the largest part in the area"),
    ("holes", "1", "area of holes / area"),
    ("lobes", "1", "number of deep places, a lobe each"),
    ("offset", "µm", "distance of the centroid from the image's middle"),
    ("at_border", "1", "share of the outline that lies on the image's border"),
    *((f"hu{place}", "1", f"Hu moment {place}, signed log10") for place in range(1, 8)),
    *(
        (f"fourier{place}", "1", f"magnitude {place} of the radius's Fourier series / mean radius")
        for place in range(1, _FOURIER + 1)
    ),
)
_RELATIONS = (
    ("relation.nucleus_share", "1", "area of nucleus / area of cell"),
    ("relation.nucleus_cytoplasm", "1", "area of nucleus / area of cytoplasm"),
    ("relation.eccentric", "1", "distance of the centroids of nucleus and cell / cell radius"),
    ("relation.rim_mean", "µm", "mean distance of the cell's outline from the nucleus"),
    ("relation.rim_sd", "µm", "sd of that distance"),
    ("relation.rim_least", "µm", "smallest of these distances"),
    ("relation.rim_most", "µm", "largest of these distances"),
    ("segmentation.fallback", "1", "1 where no cell was found and central discs stand for it"),
)


def features() -> list[Feature]:
    """Names, in the order of ``values``."""
    result = [
        Feature(f"{region}.shape.{name}", unit, f"{words}, {region}")
        for region in ("cell", "nucleus")
        for name, unit, words in _OUTLINE
    ]
    result += [Feature(*relation) for relation in _RELATIONS]
    return result + [
        Feature(
            f"{region}.zernike.{what}.n{n}m{m}",
            "1",
            f"magnitude of Zernike moment n={n} m={m} of the {region}'s {words}",
        )
        for region in ("cell", "nucleus")
        for what, words in (("mask", "mask"), ("azure", "azure"))
        for n, m in _ZERNIKE
    ]


def values(view: ImagePlanes) -> NDArray[np.float64]:
    """Numbers in the order of ``features``; NaN for a nucleus that is not there."""
    cell, nucleus = view.segmentation.cell, view.segmentation.nucleus
    parts = [_outline(cell), _outline(nucleus), _relations(view)]
    azure = view.half[PLANES.index("azure")].astype(np.float64)
    for mask in (view.half_label > 0, view.half_label == 2):
        parts += [_zernike(picture, mask) for picture in (mask.astype(np.float64), azure * mask)]
    return np.concatenate(parts)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    pixels = mask.astype(np.uint8)
    contours, _ = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.full(len(_OUTLINE), np.nan)
    area = float(pixels.sum())
    largest = max(contours, key=len)
    perimeter = sum(cv2.arcLength(contour, True) for contour in contours)
    moments = cv2.moments(pixels, binaryImage=True)
    middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    major, minor = _axes(moments)
    hull = cv2.convexHull(np.concatenate(contours))
    hull_area = max(cv2.contourArea(hull), area)
    sides = cv2.minAreaRect(np.concatenate(contours))[1]
    dents = _dents(largest)
    radii = np.linalg.norm(np.concatenate(contours).reshape(-1, 2) - middle, axis=1)
    depth = cv2.distanceTransform(np.pad(pixels, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    count, _, stats, _ = cv2.connectedComponentsWithStats(pixels)
    filled = sum(cv2.contourArea(c) + 0.5 * cv2.arcLength(c, True) + 1 for c in contours)
    edge = np.concatenate(contours).reshape(-1, 2)
    side = np.array(mask.shape[::-1]) - 1
    hu = cv2.HuMoments(moments).ravel()
    numbers = [
        area * _AREA,
        perimeter * MICRONS_PER_PIXEL,
        4 * np.pi * area / max(perimeter, 1.0) ** 2,
        2 * np.sqrt(area / np.pi) * MICRONS_PER_PIXEL,
        major * MICRONS_PER_PIXEL,
        minor * MICRONS_PER_PIXEL,
        np.sqrt(max(0.0, 1 - (minor / max(major, 1e-9)) ** 2)),
        area / hull_area,
        cv2.arcLength(hull, True) / max(perimeter, 1.0),
        area / max(sides[0] * sides[1], area),
        min(sides) / max(max(sides), 1e-9),
        dents.max(initial=0.0),
        float((dents > 0.5).sum()),
        radii.std() / max(radii.mean(), 1e-9),
        radii.min() / max(radii.max(), 1e-9),
        depth.max() * MICRONS_PER_PIXEL,
        depth[mask].mean() * MICRONS_PER_PIXEL,
        count - 1.0,
        stats[1:, cv2.CC_STAT_AREA].max() / area,
        max(0.0, filled - area) / area,
        _lobes(depth),
        np.linalg.norm(middle - side / 2) * MICRONS_PER_PIXEL,
        ((edge == 0) | (edge == side)).any(axis=1).mean(),
        *(-np.sign(hu) * np.log10(np.abs(hu) + 1e-30)),
        *_fourier(largest),
    ]
    return np.array(numbers, dtype=np.float64)


def _axes(moments: dict[str, float]) -> tuple[float, float]:
    area = moments["m00"]
    across, down, mixed = (moments[name] / area for name in ("mu20", "mu02", "mu11"))
    middle, spread = (across + down) / 2, np.hypot((across - down) / 2, mixed)
    return 4 * float(np.sqrt(middle + spread)), 4 * float(np.sqrt(max(middle - spread, 0.0)))


def _dents(contour: NDArray[np.int32]) -> NDArray[np.float64]:
    """Depths of the convexity defects, µm."""
    if len(contour) < 4:
        return np.zeros(0)
    hull = cv2.convexHull(contour, returnPoints=False)
    hull[::-1].sort(axis=0)  # OpenCV wants places in one direction
    try:
        found = cv2.convexityDefects(contour, hull)
    except cv2.error:  # an outline that crosses itself
        found = None
    return np.zeros(0) if found is None else found.reshape(-1, 4)[:, 3] / 256 * MICRONS_PER_PIXEL


def _lobes(depth: NDArray[np.float32]) -> float:
    smooth = cv2.GaussianBlur(depth, (0, 0), 3)
    local = cv2.dilate(smooth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21)))
    peaks = (smooth >= local - 1e-3) & (smooth > 4)
    return float(cv2.connectedComponents(peaks.astype(np.uint8))[0] - 1)


def _fourier(contour: NDArray[np.int32]) -> NDArray[np.float64]:
    points = contour.reshape(-1, 2).astype(np.float64)
    radius = np.linalg.norm(points - points.mean(axis=0), axis=1)
    even = np.interp(
        np.linspace(0, len(radius), 128, endpoint=False), np.arange(len(radius)), radius
    )
    spectrum = np.abs(np.fft.rfft(even))[: _FOURIER + 1]
    result: NDArray[np.float64] = spectrum[1:] / max(spectrum[0], 1e-9)
    return result


def _relations(view: ImagePlanes) -> NDArray[np.float64]:
    seg = view.segmentation
    cell, nucleus = float(seg.cell.sum()), float(seg.nucleus.sum())
    flag = float(seg.fallback)
    if nucleus == 0:
        return np.array([0.0, 0.0, *[np.nan] * 5, flag])
    apart = np.linalg.norm(
        np.array([np.mean(axis) for axis in np.nonzero(seg.cell)])
        - np.array([np.mean(axis) for axis in np.nonzero(seg.nucleus)])
    )
    away = cv2.distanceTransform((~seg.nucleus).astype(np.uint8), cv2.DIST_L2, 5)
    pixels = seg.cell.astype(np.uint8)
    rim = away[(pixels - cv2.erode(pixels, np.ones((3, 3), np.uint8), borderValue=0)) > 0]
    rim = rim * MICRONS_PER_PIXEL
    return np.array(
        [
            nucleus / cell,
            nucleus / max(cell - nucleus, 0.01 * cell),
            apart / np.sqrt(cell / np.pi),
            rim.mean(),
            rim.std(),
            rim.min(),
            rim.max(),
            flag,
        ]
    )


def _zernike(picture: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Magnitudes (Teague 1980) on the smallest central disc that holds the region."""
    if not mask.any() or picture.sum() <= 0:
        return np.full(len(_ZERNIKE), np.nan)
    longest = max(int(np.ptp(axis)) + 1 for axis in np.nonzero(mask))
    if longest > _ZERNIKE_SIDE:  # magnitudes do not depend on the scale
        size = tuple(max(8, round(side * _ZERNIKE_SIDE / longest)) for side in mask.shape[::-1])
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        if not mask.any():
            return np.full(len(_ZERNIKE), np.nan)
    rows, columns = np.nonzero(mask)
    middle = rows.mean(), columns.mean()
    radius = max(2.0, float(np.hypot(rows - middle[0], columns - middle[1]).max()))
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    centre = middle[0] - rows.min(), middle[1] - columns.min()
    import mahotas  # of an extra; the segmentation beside it belongs to the core

    found = mahotas.features.zernike_moments(picture[box], radius, degree=_DEGREE, cm=centre)
    return np.asarray(found, dtype=np.float64)
