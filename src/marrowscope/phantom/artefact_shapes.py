"""Painters for what never was one cell: drawn-out chromatin, fibres, clumps of platelets."""

import cv2
import numpy as np

from marrowscope.phantom import shapes, texture
from marrowscope.phantom.appearance import Variant
from marrowscope.phantom.canvas import Canvas, Sprite
from marrowscope.phantom.shapes import Field, Points
from marrowscope.phantom.surroundings import platelet

_REACH = 30.0  # µm, longer than a patch is wide: strands and fibres come from beyond it


def paint_strand(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """Chromatin of burst nuclei, pulled into parallel threads by the spreader."""
    shape, middle = _window(_REACH, mpp)
    angle = float(rng.uniform(0, np.pi))
    spread = variant.diameter.draw(rng) / 4
    lines: list[Points] = []
    widths, values = [], []
    for _ in range(3 + int(rng.poisson(8))):
        length = float(rng.uniform(3.0, 14.0))
        along = np.linspace(-length / 2, length / 2, 12) + float(rng.normal(0, 2.2))
        across = float(rng.normal(0, spread)) + 0.35 * np.cumsum(rng.normal(0, 0.35, 12))
        line = middle + _turned(along, across, angle + float(rng.normal(0, 0.05))) / mpp
        width, value = float(rng.uniform(0.5, 1.8)) / mpp, float(rng.uniform(0.4, 1.0))
        # Thick where the thread left the nucleus, thin and pale towards its ends.
        first = int(rng.integers(0, 5))
        lines += [line, line[first : first + 8], line[first + 1 : first + 5]]
        widths += [0.25 * width, 0.6 * width, width]
        values += [0.55 * value, 0.8 * value, value]
    threads = shapes.strokes(shape, lines, widths, values)
    # What is left of a nucleus hangs on the threads, more or less.
    rest = shapes.blob(
        shape,
        (float(middle[0]), float(middle[1])),
        variant.diameter.draw(rng) / 4,
        variant.elongation.draw(rng),
        0.12,
        mpp,
        rng,
    )
    rest += 0.6 * texture.noise(shape, 1.6, mpp, rng)
    mass = np.maximum(threads, float(rng.uniform(0, 1)) * shapes.soft(rest, 0.6))
    mass = cv2.GaussianBlur(mass, (0, 0), float(rng.uniform(0.12, 0.4)) / mpp)
    uneven = 1 + variant.nucleus.contrast.draw(rng) * texture.noise(shape, 0.9, mpp, rng)
    mass = mass * np.maximum(uneven, 0.2)
    layers = _stained(mass, variant.nucleus.azure.draw(rng), variant.nucleus.eosin.draw(rng), 0.0)
    return Sprite(layers, np.clip(1.6 * mass, 0, 1), mass > 0.45, 4.0)


def paint_fibre(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """A fibre of cloth or paper across the patch: dark rims, streaks along it, loose ends."""
    shape, middle = _window(_REACH, mpp)
    angle, width = float(rng.uniform(0, np.pi)), max(variant.diameter.draw(rng), 0.8)
    along = np.linspace(-_REACH / 2, _REACH / 2, 40)
    bow = float(rng.normal(0, 1.6)) * np.sin(along / float(rng.uniform(5, 11)) + rng.uniform(0, 6))
    lines = [middle + _turned(along, bow, angle) / mpp]
    widths = [width / mpp]
    for _ in range(int(rng.poisson(1.2))):
        start = int(rng.integers(5, 25))
        away = bow[start : start + 12] + np.linspace(0, float(rng.normal(0, 4)), 12)
        lines.append(middle + _turned(along[start : start + 12], away, angle) / mpp)
        widths.append(width * float(rng.uniform(0.15, 0.4)) / mpp)
    drawn = shapes.strokes(shape, lines, widths, [1.0] * len(lines))
    body = shapes.signed_distance(np.where(drawn > 0.5, np.uint8(255), np.uint8(0)), mpp)
    body += variant.roughness.draw(rng) * texture.noise(shape, 1.5, mpp, rng)
    cover = shapes.soft(body, 0.3)
    rims = 0.45 + 0.9 * np.exp(-np.maximum(body, 0) / (0.18 * width))
    uneven = 1 + variant.cytoplasm.mottle.draw(rng) * texture.noise(shape, 1.2, mpp, rng)
    mass = cover * rims * np.maximum(uneven, 0.2)
    layers = _stained(
        mass,
        variant.cytoplasm.azure.draw(rng),
        variant.cytoplasm.eosin.draw(rng),
        variant.cytoplasm.pigment.draw(rng),
    )
    return Sprite(layers, cover, np.zeros(shape, bool), 3.0)


def paint_platelet_clump(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """Platelets that stick together."""
    radius = variant.diameter.draw(rng) / 2
    shape, middle = _window(2 * radius + 8, mpp)
    canvas = Canvas(*shape, mpp)
    union = np.zeros(shape, bool)
    stretch, angle = 1 + variant.elongation.draw(rng), float(rng.uniform(0, np.pi))
    for _ in range(5 + int(rng.poisson(0.5 * radius**2))):
        away = rng.normal(0, radius / 2, 2)
        x, y = middle + _turned(away[:1] * stretch, away[1:] / stretch, angle)[0] / mpp
        union |= canvas.lay(platelet(mpp, rng), float(x), float(y)).cell
    cover = cv2.GaussianBlur(union.astype(np.float32), (0, 0), 0.12 / mpp)
    return Sprite(canvas.layers, cover, np.zeros(shape, bool), radius)


def _window(extent: float, mpp: float) -> tuple[tuple[int, int], Points]:
    """A square window of so many µm: its shape in px and its middle (x, y)."""
    side = 2 * int(np.ceil(extent / 2 / mpp)) + 1
    return (side, side), np.array([side / 2, side / 2])


def _turned(along: Points, across: Points, angle: float) -> Points:
    """Points (N, 2) as (x, y) from distances along and across a direction."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([along * cosine - across * sine, along * sine + across * cosine], axis=1)


def _stained(mass: Field, azure: float, eosin: float, pigment: float) -> Field:
    layers: Field = np.array([azure, eosin, pigment], np.float32)[:, None, None] * mass
    return layers
