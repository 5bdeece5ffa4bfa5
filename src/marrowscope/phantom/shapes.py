"""Outlines: soft masks in [0, 1] on a square canvas, all lengths in px."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]
Point = tuple[float, float]

_SHIFT = 4  # sub-pixel bits of OpenCV's polygon coordinates


def blob(
    random: np.random.Generator,
    side: int,
    centre: Point,
    radius: float,
    elongation: float = 1.0,
    roughness: float = 0.05,
) -> Mask:
    """A closed smooth outline: an ellipse of random direction with harmonics on its radius.

    Its area is close to that of a circle of the given radius.
    """
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    wobble = np.zeros_like(angle)
    for order in range(2, 7):
        amplitude = roughness * random.normal() / order
        wobble += amplitude * np.cos(order * angle + random.uniform(0, 2 * np.pi))
    stretch = np.sqrt(elongation)
    x = radius * (1 + wobble) * np.cos(angle) * stretch
    y = radius * (1 + wobble) * np.sin(angle) / stretch
    turn = random.uniform(0, np.pi)
    points = np.stack(
        [
            centre[0] + x * np.cos(turn) - y * np.sin(turn),
            centre[1] + x * np.sin(turn) + y * np.cos(turn),
        ],
        axis=1,
    )
    return polygon(side, points)


def polygon(side: int, points: NDArray[np.float64]) -> Mask:
    """A filled polygon with an edge about one and a half pixels soft."""
    mask = np.zeros((side, side), np.uint8)
    fixed = np.round(points * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
    return soften(mask)


def soften(mask: NDArray[np.uint8]) -> Mask:
    """8-bit to [0, 1], slightly blurred as by a lens."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), dtype=np.float32) / 255.0


def nucleus(
    random: np.random.Generator,
    side: int,
    kind: str,
    centre: Point,
    radius: float,
    lobes: tuple[int, int] = (1, 1),
) -> Mask:
    """A nucleus of one of the kinds of appearance.yaml; ``radius`` is that of its outer circle."""
    if kind == "round":
        return blob(random, side, centre, radius, random.uniform(1.0, 1.12), 0.04)
    if kind == "oval":
        return blob(random, side, centre, radius, random.uniform(1.1, 1.45), 0.06)
    if kind in ("indented", "folded"):
        return _indented(random, side, centre, radius, 1 if kind == "indented" else 2)
    if kind == "band":
        return _band(random, side, centre, radius)
    if kind == "lobed":
        return _lobed(random, side, centre, radius, int(random.integers(lobes[0], lobes[1] + 1)))
    if kind == "streaks":
        return _streaks(random, side, centre, radius)
    return np.zeros((side, side), np.float32)


def _indented(
    random: np.random.Generator, side: int, centre: Point, radius: float, dents: int
) -> Mask:
    """An oval with one deep dent (kidney) or several shallower ones (folded)."""
    mask = blob(random, side, centre, radius, random.uniform(1.05, 1.35), 0.08)
    start = random.uniform(0, 2 * np.pi)
    for number in range(dents):
        angle = start + number * random.uniform(1.6, 3.0)
        depth = random.uniform(0.45, 0.70) if dents == 1 else random.uniform(0.15, 0.45)
        size = radius * random.uniform(0.40, 0.60)
        way = radius * (1 - depth) + size
        place = (centre[0] + way * np.cos(angle), centre[1] + way * np.sin(angle))
        mask = mask * (1 - blob(random, side, place, size, random.uniform(1, 1.3), 0.08))
    return mask


def _band(random: np.random.Generator, side: int, centre: Point, radius: float) -> Mask:
    """A thick arc, C- or S-shaped, of nearly even width."""
    width = radius * random.uniform(0.50, 0.66)
    reach = random.uniform(2.6, 4.6)
    angle = np.linspace(-reach / 2, reach / 2, 24)
    bow = radius - width / 2
    x, y = bow * np.cos(angle), bow * np.sin(angle)
    if random.random() < 0.3:
        y, x = y * 1.05, np.where(angle > 0, bow - (x - bow) * 0.4, x)
    turn = random.uniform(0, 2 * np.pi)
    points = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    points += np.array(centre) - points.mean(axis=0) * 0.8
    return _stroke(side, points, width * random.uniform(0.88, 1.0))


def _lobed(
    random: np.random.Generator, side: int, centre: Point, radius: float, count: int
) -> Mask:
    """Lobes along a bent line, joined by threads."""
    lobe = radius * {2: 0.52, 3: 0.44, 4: 0.38}.get(count, 0.34)
    bow = radius - lobe * 0.9
    step = {2: random.uniform(1.9, 2.8), 3: random.uniform(1.5, 1.9)}.get(count, 5.0 / count)
    angles = random.uniform(0, 2 * np.pi) + step * np.arange(count) + random.normal(0, 0.1, count)
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * bow + np.array(centre)
    mask = _stroke(side, points, max(2.0, lobe * random.uniform(0.15, 0.45)))
    for x, y in points:
        size = lobe * random.uniform(0.82, 1.12)
        part = blob(random, side, (x, y), size, random.uniform(1.0, 1.35), 0.10)
        mask = np.maximum(mask, part)
    return mask


def _streaks(random: np.random.Generator, side: int, centre: Point, radius: float) -> Mask:
    """Nuclear material smeared out in one direction."""
    turn = random.uniform(0, np.pi)
    mask = blob(random, side, centre, radius * 0.62, 1.3, 0.20)
    for _ in range(9):
        start = np.array(centre) + random.normal(0, radius * 0.28, 2)
        length = radius * random.uniform(0.5, 1.2)
        bend = turn + random.normal(0, 0.35)
        way = np.linspace(-0.4, 1, 9)[:, None] * length
        points = start + way * np.array([np.cos(bend), np.sin(bend)])
        points += np.cumsum(random.normal(0, radius * 0.03, points.shape), axis=0)
        streak = _stroke(side, points, radius * random.uniform(0.10, 0.30))
        mask = np.maximum(mask, streak * random.uniform(0.5, 0.9))
    return mask


def _stroke(side: int, points: NDArray[np.float64], width: float) -> Mask:
    mask = np.zeros((side, side), np.uint8)
    fixed = np.round(points * 2**_SHIFT).astype(np.int32)
    cv2.polylines(mask, [fixed], False, 255, max(1, round(width)), cv2.LINE_AA, _SHIFT)
    return soften(mask)


def dots(side: int, places: NDArray[np.float64], radii: NDArray[np.float64]) -> Mask:
    """Many small filled discs."""
    mask = np.zeros((side, side), np.uint8)
    scale = 2**_SHIFT
    for (x, y), radius in zip(places, radii, strict=True):
        place = (round(float(x) * scale), round(float(y) * scale))
        cv2.circle(mask, place, max(1, round(radius * scale)), 255, -1, cv2.LINE_AA, _SHIFT)
    return soften(mask)


def line_bundle(
    random: np.random.Generator, side: int, ends: NDArray[np.float64], width: float
) -> Mask:
    """Straight strokes; ``ends`` is (K, 2, 2)."""
    mask = np.zeros((side, side), np.uint8)
    for pair in np.round(ends * 2**_SHIFT).astype(np.int32):
        level = int(random.integers(160, 256))
        cv2.line(mask, pair[0], pair[1], level, max(1, round(width)), cv2.LINE_AA, _SHIFT)
    return soften(mask)
