"""One nucleated cell as a sprite: outline, nucleus, cytoplasm, granules, projections."""

import cv2
import numpy as np

from marrowscope.phantom import shapes, texture
from marrowscope.phantom.appearance import Cytoplasm, Granules, Nucleus, Variant
from marrowscope.phantom.canvas import Sprite
from marrowscope.phantom.shapes import Field, Mask, Points

_EDGE = 0.16  # µm, width of a sharp edge before the optics
_MARGIN = 0.22  # µm of cytoplasm that always surrounds a nucleus


def paint_cell(variant: Variant, microns_per_pixel: float, rng: np.random.Generator) -> Sprite:
    """Draw one cell of this look; everything that varies is drawn from ``rng``."""
    radius = variant.diameter.draw(rng) / 2
    elongation = variant.elongation.draw(rng)
    reach = (
        variant.hair_length.mean * 1.6 + 0.6 if variant.hairs else 0.8 + 0.5 * (variant.blebs > 0)
    )
    half = radius * (1.25 + 0.5 * elongation) + reach
    side = 2 * int(np.ceil(half / microns_per_pixel)) + 1
    shape, middle = (side, side), (side / 2, side / 2)

    body = shapes.blob(shape, middle, radius, elongation, 0.03, microns_per_pixel, rng)
    rough = variant.roughness.draw(rng)
    body += rough * texture.noise(shape, 2.6, microns_per_pixel, rng)
    body = _with_projections(body, variant, microns_per_pixel, rng)

    inner, centre, nuclear_radius = _nucleus_outline(
        variant.nucleus, body, radius, middle, microns_per_pixel, rng
    )
    cover = shapes.soft(body, _EDGE)
    layers, nuclear = _stain_nucleus(variant.nucleus, inner, centre, microns_per_pixel, rng)
    layers += (cover * (1 - 0.8 * nuclear)) * _stain_cytoplasm(
        variant.cytoplasm, body, middle, centre, nuclear_radius, microns_per_pixel, rng
    )
    if variant.cytoplasm.vacuoles > 0:
        layers *= 1 - 0.85 * _vacuoles(variant.cytoplasm, body, inner, microns_per_pixel, rng)
    for granules in variant.granules:
        layers += _granules(granules, body, inner, microns_per_pixel, rng)
    if variant.rods > 0:
        layers += _auer_rods(variant.rods, body, inner, microns_per_pixel, rng)
    return Sprite(layers, cover, (inner > 0) & (body > 0), radius)


def _with_projections(
    body: Field, variant: Variant, microns_per_pixel: float, rng: np.random.Generator
) -> Field:
    """The outline together with its hairs and buds."""
    if not (variant.hairs or variant.blebs):
        return body
    shape = body.shape[0], body.shape[1]
    middle = np.array([shape[1] / 2, shape[0] / 2])
    drawn = np.where(body > 0, np.uint8(255), np.uint8(0))
    for _ in range(int(rng.poisson(variant.hairs))):
        angle, length = rng.uniform(0, 2 * np.pi), variant.hair_length.draw(rng) + 0.25
        bow = rng.normal(0, 0.35)
        root = _border_distance(body, middle, angle, microns_per_pixel) - 0.8
        along = np.linspace(0, 1, 6)
        heading = angle + bow * along
        steps = root + (length + 0.8) * along
        line = np.stack([np.cos(heading), np.sin(heading)], 1) * steps[:, None]
        line = middle + line / microns_per_pixel
        for part, width in ((line[:4], 0.75), (line[1:], 0.38)):
            thickness = max(1, round(width * rng.uniform(0.7, 1.5) / microns_per_pixel))
            cv2.polylines(
                drawn, [np.round(part * 16).astype(np.int32)], False, 255, thickness, shift=4
            )
    for _ in range(int(rng.poisson(variant.blebs))):
        angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.9)
        far = _border_distance(body, middle, angle, microns_per_pixel) + 0.3 * size
        place = middle + np.array([np.cos(angle), np.sin(angle)]) * far / microns_per_pixel
        cv2.circle(
            drawn, np.round(place).astype(int).tolist(), round(size / microns_per_pixel), 255, -1
        )
    whole = shapes.signed_distance(drawn, microns_per_pixel) + np.float32(0.05)
    widened: Field = np.maximum(body, whole)
    return widened


def _border_distance(body: Field, middle: Points, angle: float, microns_per_pixel: float) -> float:
    """µm from the middle to the border in one direction."""
    steps = np.arange(0, body.shape[0] / 2 - 1)
    x = (middle[0] + steps * np.cos(angle)).astype(int)
    y = (middle[1] + steps * np.sin(angle)).astype(int)
    return float(np.count_nonzero(body[y, x] > 0)) * microns_per_pixel


def _nucleus_outline(
    nucleus: Nucleus,
    body: Field,
    radius: float,
    middle: tuple[float, float],
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> tuple[Field, tuple[float, float], float]:
    """Signed distance of the nucleus, its centre (x, y) px and its equal-area radius in µm."""
    shape = body.shape[0], body.shape[1]
    lobes = nucleus.lobes[int(rng.integers(len(nucleus.lobes)))]
    centres, radii = shapes.bent_axis(
        nucleus.aspect.draw(rng), nucleus.bend.draw(rng), lobes, nucleus.pinch.draw(rng), rng
    )
    area = min(nucleus.share.draw(rng), 0.95) * np.pi * radius**2
    nuclear_radius = float(np.sqrt(area / np.pi))
    angle, offset = rng.uniform(0, 2 * np.pi), min(nucleus.offset.draw(rng), 1.0)
    room = max(radius - nuclear_radius - _MARGIN, 0.0)
    if offset > 0 and np.abs(centres).max() > 0:
        # A bent nucleus leaves its hollow towards the middle of the cell.
        hollow = -centres[len(centres) // 2]
        if np.hypot(*hollow) > 0.15:
            angle = float(np.arctan2(-hollow[1], -hollow[0]))
    shift = offset * room / microns_per_pixel
    centre = (middle[0] + shift * np.cos(angle), middle[1] + shift * np.sin(angle))
    inner, _ = shapes.beads(shape, centre, centres, radii, area, microns_per_pixel)
    inner += nucleus.roughness.draw(rng) * texture.noise(shape, 2.0, microns_per_pixel, rng)
    return np.minimum(inner, body - np.float32(_MARGIN)), centre, nuclear_radius


def _stain_nucleus(
    nucleus: Nucleus,
    inner: Field,
    centre: tuple[float, float],
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> tuple[Field, Field]:
    """Layers (3, h, w) of the nucleus and its coverage (h, w)."""
    density = texture.chromatin(
        inner,
        centre,
        nucleus.grain.draw(rng),
        nucleus.contrast.draw(rng),
        nucleus.clumping,
        nucleus.rim.draw(rng),
        nucleus.spokes.draw(rng),
        microns_per_pixel,
        rng,
    )
    covered = shapes.soft(inner, _EDGE)
    azure, eosin = nucleus.azure.draw(rng), nucleus.eosin.draw(rng)
    pigment = nucleus.pigment.draw(rng)
    count = int(rng.poisson(nucleus.nucleoli))
    stain = np.empty((3, *inner.shape), np.float32)
    if count:
        seen = texture.scatter(
            inner > 0.9, 6 * count, nucleus.nucleolus_radius.draw(rng), microns_per_pixel, rng
        )
        seen = cv2.GaussianBlur(seen, (0, 0), 0.14 / microns_per_pixel)
    else:
        seen = np.zeros(inner.shape, np.float32)
    # Nucleoli hold RNA: bluer and paler than the chromatin around them.
    stain[0] = azure * (0.25 + 0.75 * density) * (1 - 0.15 * seen)
    stain[1] = eosin * density * (1 - 0.62 * seen)
    stain[2] = pigment
    return stain * covered, covered


def _stain_cytoplasm(
    cytoplasm: Cytoplasm,
    body: Field,
    middle: tuple[float, float],
    centre: tuple[float, float],
    nuclear_radius: float,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> Field:
    """Layers (3, h, w) of the cytoplasm, not yet cut to the cell."""
    shape = body.shape[0], body.shape[1]
    mottle = cytoplasm.mottle.draw(rng)
    uneven = 1 + mottle * texture.noise(shape, 0.45, microns_per_pixel, rng)
    uneven += mottle * texture.noise(shape, 2.0, microns_per_pixel, rng)
    rim = cytoplasm.rim.draw(rng) * np.exp(-np.maximum(body, 0) * (1 / 0.8))
    azure = cytoplasm.azure.draw(rng) * (uneven + rim)
    eosin, pigment = cytoplasm.eosin.draw(rng), cytoplasm.pigment.draw(rng)
    hof = min(cytoplasm.hof.draw(rng), 0.9)
    stain = np.stack([azure, eosin * uneven, pigment * uneven])
    if hof > 0:
        # The Golgi zone lies beside the nucleus, on the side of the greater cytoplasm.
        back = np.array(middle) - np.array(centre)
        angle = float(np.arctan2(back[1], back[0]))
        place = np.array(centre) + np.array([np.cos(angle), np.sin(angle)]) * (
            (nuclear_radius + 0.25) / microns_per_pixel
        )
        y, x = np.ogrid[: shape[0], : shape[1]]
        squared = (x - place[0]) ** 2 + (y - place[1]) ** 2
        width = 0.55 * nuclear_radius / microns_per_pixel
        stain *= 1 - hof * np.exp(-squared / (2 * width**2)).astype(np.float32)
    return np.maximum(stain, 0).astype(np.float32)


def _vacuoles(
    cytoplasm: Cytoplasm,
    body: Field,
    inner: Field,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> Field:
    count = int(rng.poisson(cytoplasm.vacuoles))
    size = max(cytoplasm.vacuole_radius.draw(rng), 0.15)
    outside = (body > 0.7 * size) & ((inner < -0.3 * size) | (rng.random() < 0.12))
    return texture.scatter(outside, 2 * count, size, microns_per_pixel, rng, spread=0.35)


def _granules(
    granules: Granules,
    body: Field,
    inner: Field,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> Field:
    """Layers of one population of granules."""
    extent = body.shape[0] * microns_per_pixel
    count = int(rng.poisson(granules.density.draw(rng) * extent**2))
    size = max(granules.radius.draw(rng), 0.08)
    allowed: Mask = body > 0.6 * size
    nuclear = inner > -0.3 * size
    seen = texture.scatter(allowed & ~nuclear, count, size, microns_per_pixel, rng)
    if granules.over_nucleus > 0:
        above = texture.scatter(
            allowed & nuclear, int(count * granules.over_nucleus), size, microns_per_pixel, rng
        )
        seen = np.maximum(seen, above)
    amounts = [granules.azure.draw(rng), granules.eosin.draw(rng), granules.pigment.draw(rng)]
    return np.array(amounts, np.float32)[:, None, None] * seen


def _auer_rods(
    expected: float, body: Field, inner: Field, microns_per_pixel: float, rng: np.random.Generator
) -> Field:
    """Bundles of fine reddish rods, a few directions per cell, mostly in the cytoplasm."""
    shape = body.shape[0], body.shape[1]
    count = max(3, int(rng.poisson(expected)))
    places = texture.random_places(shape, 14 * count, rng)
    columns, rows = places.astype(np.int64).T
    depth = body[rows, columns]
    free = (depth > 0.5) & (inner[rows, columns] < 0.3)
    directions = rng.uniform(0, np.pi, 3)
    lines, widths, values = [], [], []
    for place in places[free][:count]:
        angle = directions[int(rng.integers(3))] + rng.normal(0, 0.15)
        half = rng.uniform(0.8, 2.1) / microns_per_pixel
        reach = np.array([np.cos(angle), np.sin(angle)]) * half
        lines.append(np.stack([place - reach, place + reach]))
        widths.append(rng.uniform(0.16, 0.32) / microns_per_pixel)
        values.append(rng.uniform(0.6, 1.0))
    rods = shapes.strokes(shape, lines, widths, values) * shapes.soft(body - 0.2, 0.2)
    rods *= 1 - 0.6 * shapes.soft(inner, 0.2)
    return np.array([0.12, 1.45, 0.1], np.float32)[:, None, None] * rods
