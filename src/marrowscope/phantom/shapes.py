"""Outlines as signed distance fields: (h, w) float32 in µm, positive inside, zero on the edge.

An outline is drawn as a filled polygon or as beads along a bent axis, turned into distances, and
made irregular by adding smooth noise, which moves the zero level in and out.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]
Points = NDArray[np.float64]

_SHIFT = 4  # OpenCV draws at 1/16 px
_BEADS = 36


def blob(
    shape: tuple[int, int],
    centre: tuple[float, float],
    radius: float,
    elongation: float,
    wobble: float,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> Field:
    """A rounded outline: an ellipse with low harmonics.

    Args:
        shape: (h, w) px.
        centre: (x, y) px.
        radius: of the disc of equal area, µm.
        elongation: long over short axis, minus 1.
        wobble: relative amplitude of the harmonics 2 to 5.
        microns_per_pixel: pixel size.
        rng: stream of the cell.
    """
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radii = np.ones_like(angle)
    for order in range(2, 6):
        size, phase = rng.standard_normal(), rng.uniform(0, 2 * np.pi)
        radii += wobble * size / order * np.cos(order * angle + phase)
    stretch = np.sqrt(1.0 + elongation)
    turn = rng.uniform(0, np.pi)
    x, y = radii * np.cos(angle) * stretch, radii * np.sin(angle) / stretch
    points = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    points = points * (radius / microns_per_pixel) + centre
    drawn = np.zeros(shape, np.uint8)
    cv2.fillPoly(drawn, [_fixed(points)], 255, shift=_SHIFT)
    return signed_distance(drawn, microns_per_pixel)


def bent_axis(
    aspect: float, bend: float, lobes: int, pinch: float, rng: np.random.Generator
) -> tuple[Points, Points]:
    """Beads of a nucleus along a bent axis, for half thickness 1.

    Round, oval, kidney, band and segmented nuclei are one family: the axis grows, bends, and is
    pinched off between lobes.

    Args:
        aspect: length of the axis over its thickness.
        bend: angle through which it turns, radians.
        lobes: number of lobes.
        pinch: depth of the constrictions, 0 to 1.
        rng: stream of the cell.

    Returns:
        centres (beads, 2), their centre of gravity at 0, and radii (beads,).
    """
    place = np.linspace(0, 1, _BEADS)
    uneven = rng.normal(0, 0.12, size=2)
    curvature = bend * (1 + uneven[0] * 3 * (place - 0.5) + uneven[1] * np.sin(2 * np.pi * place))
    direction = np.cumsum(curvature) / _BEADS
    direction += rng.uniform(0, 2 * np.pi) - direction.mean()
    step = 2.0 * aspect / _BEADS
    centres = np.cumsum(np.stack([np.cos(direction), np.sin(direction)], 1) * step, axis=0)
    sizes = np.clip(1 + rng.normal(0, 0.10, size=max(lobes, 2)), 0.75, 1.25)
    radii = np.interp(place, np.linspace(0, 1, len(sizes)), sizes)
    if lobes > 1:
        # Ends of the axis lie inside the outer lobes, so the wave starts before its crest.
        phase = lobes * (0.32 / lobes + place * (1 - 0.64 / lobes))
        waist = 0.5 + 0.5 * np.cos(2 * np.pi * phase)
        depth = np.clip(pinch * (1 + rng.normal(0, 0.12, size=lobes + 1)), 0, 0.93)
        radii = radii * (1 - waist * depth[np.clip(np.round(phase).astype(int), 0, lobes)])
    weights = radii**2
    return centres - (centres * weights[:, None]).sum(0) / weights.sum(), radii


def beads(
    shape: tuple[int, int],
    centre: tuple[float, float],
    centres: Points,
    radii: Points,
    area: float,
    microns_per_pixel: float,
) -> tuple[Field, float]:
    """The union of beads, scaled to an area in µm².

    Returns:
        the field, and the scale: µm per unit of ``radii``.
    """
    # Scale by a coarse drawing first; its area has no closed form.
    extent = float(np.abs(centres).max() + radii.max())
    coarse = np.zeros((64, 64), np.uint8)
    _draw_beads(coarse, centres * (30 / extent) + 32, radii * (30 / extent))
    unit_area = float(np.count_nonzero(coarse)) * (extent / 30) ** 2
    scale = float(np.sqrt(area / unit_area))
    drawn = np.zeros(shape, np.uint8)
    to_px = scale / microns_per_pixel
    _draw_beads(drawn, centres * to_px + centre, radii * to_px)
    return signed_distance(drawn, microns_per_pixel), scale


def strokes(
    shape: tuple[int, int], lines: list[Points], widths: list[float], values: list[float]
) -> Field:
    """Open lines of points (x, y) px with widths in px, drawn with values in [0, 1]."""
    drawn = np.zeros(shape, np.uint8)
    for line, width, value in zip(lines, widths, values, strict=True):
        thickness = max(1, round(width))
        cv2.polylines(
            drawn, [_fixed(line)], False, round(255 * value), thickness, cv2.LINE_AA, _SHIFT
        )
    return _unit(drawn)


def discs(shape: tuple[int, int], centres: Points, radii: Points, values: Points) -> Field:
    """Filled discs, smooth at the edge: centres (N, 2) and radii in px, values in [0, 1]."""
    drawn = np.zeros(shape, np.uint8)
    # A disc that OpenCV smooths comes out half a pixel larger.
    places = np.round(centres * 16).astype(np.int64).tolist()
    sizes = np.maximum(np.round((radii - 0.4) * 16), 4).astype(np.int64).tolist()
    levels = np.round(values * 255).astype(np.int64).tolist()
    for place, size, level in zip(places, sizes, levels, strict=True):
        cv2.circle(drawn, place, size, level, -1, cv2.LINE_AA, _SHIFT)
    return _unit(drawn)


def signed_distance(drawn: NDArray[np.uint8], microns_per_pixel: float) -> Field:
    """Distance to the edge of a drawn shape (0 outside, 255 inside) in µm."""
    inside = (drawn > 127).astype(np.uint8)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    field: Field = (within - beyond) * np.float32(microns_per_pixel)
    return field


def soft(field: Field, width: float) -> Field:
    """Coverage in [0, 1] of a signed distance field whose edge is ``width`` µm wide."""
    covered: Field = np.clip(field * (1.0 / width) + 0.5, 0.0, 1.0)
    return covered


def _draw_beads(drawn: NDArray[np.uint8], centres: Points, radii: Points) -> None:
    places = np.round(centres * 16).astype(np.int64).tolist()
    sizes = np.round(radii * 16).astype(np.int64).tolist()
    for place, size in zip(places, sizes, strict=True):
        cv2.circle(drawn, place, size, 255, -1, cv2.LINE_8, _SHIFT)


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


def _unit(drawn: NDArray[np.uint8]) -> Field:
    field: Field = drawn.astype(np.float32) * np.float32(1 / 255)
    return field
