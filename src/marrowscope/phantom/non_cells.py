"""Painters for what is not an intact cell: smudge, mitosis, precipitate, debris, crushed cell."""

from collections.abc import Callable

import cv2
import numpy as np

from marrowscope.phantom import artefact_shapes, shapes, texture
from marrowscope.phantom.appearance import Variant
from marrowscope.phantom.canvas import AZURE, EOSIN, PIGMENT, Sprite
from marrowscope.phantom.nucleated_cell import paint_cell
from marrowscope.phantom.shapes import Field, Mask

Painter = Callable[[Variant, float, np.random.Generator], Sprite]


def paint_smudge(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """A burst nucleus: a pale, ragged, streaky sheet of chromatin without cytoplasm."""
    radius, shape, body = _outline(variant, mpp, rng, 0.10, 1.35)
    body += 0.75 * texture.noise(shape, 2.6, mpp, rng) + 0.3 * texture.noise(shape, 0.7, mpp, rng)
    fibres = _streaks(
        shape, mpp, rng, float(rng.uniform(0, np.pi)), 0.5, float(rng.uniform(1.2, 2.6))
    )
    # Thins out towards the border instead of ending at a membrane.
    fading = np.clip(0.35 + body / (0.6 * radius), 0, 1) * shapes.soft(body, 0.5)
    nucleus = variant.nucleus
    density = 1 + nucleus.contrast.draw(rng) * (0.7 * fibres + texture.noise(shape, 1.5, mpp, rng))
    density += 0.12 * texture.noise(shape, 0.6, mpp, rng)
    holes = texture.scatter(body > 0.2, int(rng.poisson(8)), 0.5, mpp, rng, spread=0.5)
    mass = fading * np.maximum(density, 0.1) * (1 - 0.5 * holes)
    layers = _layers(mass, nucleus.azure.draw(rng), nucleus.eosin.draw(rng), 0.0)
    return Sprite(layers, shapes.soft(body, 0.5), body > 0, radius)


def paint_mitosis(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """A dividing cell: no nuclear membrane, a dense irregular plate or two of them."""
    radius, shape, body = _outline(variant, mpp, rng, 0.04, 1.2)
    middle = np.array([shape[1] / 2, shape[0] / 2])
    angle, half = float(rng.uniform(0, np.pi)), radius * float(rng.uniform(0.45, 0.62))
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    apart = float(rng.choice([0.0, 0.28, 0.45])) * radius
    lines, widths = [], []
    for side in (-1.0, 1.0) if apart else (1.0,):
        start = middle + across * (side * apart / mpp)
        reach = along * half / mpp * (0.8 if apart else 1.0)
        lines.append(np.stack([start - reach, start + reach]))
        widths.append(float(rng.uniform(1.5, 2.4)) / mpp * (0.75 if apart else 1.0))
    drawn = shapes.strokes(shape, lines, widths, [1.0] * len(lines))
    plate = shapes.signed_distance(np.where(drawn > 0.5, np.uint8(255), np.uint8(0)), mpp)
    plate += 0.32 * texture.noise(shape, 0.7, mpp, rng)
    plate = np.minimum(plate, body - np.float32(0.25))
    covered = shapes.soft(plate, 0.2)
    nucleus, cytoplasm = variant.nucleus, variant.cytoplasm
    layers = _layers(covered, nucleus.azure.draw(rng), nucleus.eosin.draw(rng), 0.0)
    uneven = 1 + cytoplasm.mottle.draw(rng) * texture.noise(shape, 0.5, mpp, rng)
    around = shapes.soft(body, 0.16) * (1 - covered) * uneven
    layers += _layers(around, cytoplasm.azure.draw(rng), cytoplasm.eosin.draw(rng), 0.0)
    return Sprite(layers, shapes.soft(body, 0.16), (plate > 0) & (body > 0), radius)


def paint_precipitate(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """Crystals and grains of stain lying in a heap."""
    radius, shape, body = _outline(variant, mpp, rng, 0.12, 1.5)
    body += 1.3 * texture.noise(shape, 2.0, mpp, rng)
    grains = np.zeros(shape, np.float32)
    for size, density in ((0.2, 3.0), (0.45, 0.9), (0.9, 0.12)):
        count = int(rng.poisson(density * (shape[0] * mpp) ** 2 * float(rng.uniform(0.2, 1.2))))
        grains += texture.scatter(body > -0.2, count, size, mpp, rng, spread=0.5)
    mass = np.minimum(grains, 1.6)
    layers = _layers(mass, variant.nucleus.azure.draw(rng), variant.nucleus.eosin.draw(rng), 0.05)
    return Sprite(layers, shapes.soft(body, 0.5), _none(shape), radius)


def paint_debris(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """Structureless scraps of cytoplasm, ragged and full of holes."""
    radius, shape, body = _outline(variant, mpp, rng, 0.22, 1.4)
    body += 1.0 * texture.noise(shape, 2.5, mpp, rng) + 0.35 * texture.noise(shape, 0.8, mpp, rng)
    mottle = 0.7 + 0.35 * texture.noise(shape, 1.6, mpp, rng)
    mottle += 0.2 * texture.noise(shape, 0.4, mpp, rng)
    holes = texture.scatter(body > 0, int(rng.poisson(30)), 0.5, mpp, rng, spread=0.6)
    mass = shapes.soft(body, 0.7) * np.clip(mottle, 0.05, 2) * (1 - 0.75 * holes)
    cytoplasm = variant.cytoplasm
    layers = _layers(
        mass, cytoplasm.azure.draw(rng), cytoplasm.eosin.draw(rng), cytoplasm.pigment.draw(rng)
    )
    return Sprite(layers, shapes.soft(body, 0.7), _none(shape), radius)


def paint_crushed(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """A cell dragged out by the spreader: nucleus and cytoplasm as a tailed smear."""
    sprite = paint_cell(variant, mpp, rng)
    length = float(rng.uniform(1.5, 4.5))
    kernel = _line_kernel(length, float(rng.uniform(0, np.pi)), mpp, one_sided=True)
    pad = kernel.shape[0] // 2
    wide = [
        np.pad(layer, pad)
        for layer in (*sprite.layers, sprite.cover, sprite.nucleus.astype(np.float32))
    ]
    dragged = [cv2.filter2D(layer, -1, kernel) for layer in wide]
    mix = float(rng.uniform(0.55, 0.95))
    *stain, cover, nuclear = [
        mix * far + (1 - mix) * near for far, near in zip(dragged, wide, strict=True)
    ]
    shape = cover.shape[0], cover.shape[1]
    streaked = 1 + 0.25 * texture.noise(shape, 0.8, mpp, rng)
    return Sprite(
        np.stack(stain) * streaked, cover, (nuclear > 0.45) & (cover > 0.5), sprite.radius
    )


PAINTERS: dict[str, Painter] = {
    "cell": paint_cell,
    "smudge": paint_smudge,
    "mitosis": paint_mitosis,
    "precipitate": paint_precipitate,
    "debris": paint_debris,
    "crushed": paint_crushed,
    "strand": artefact_shapes.paint_strand,
    "fibre": artefact_shapes.paint_fibre,
    "clump": artefact_shapes.paint_platelet_clump,
}


def paint(variant: Variant, mpp: float, rng: np.random.Generator) -> Sprite:
    """Draw a look with the painter that it names."""
    return PAINTERS[variant.painter](variant, mpp, rng)


def _outline(
    variant: Variant, mpp: float, rng: np.random.Generator, wobble: float, room: float
) -> tuple[float, tuple[int, int], Field]:
    radius, elongation = variant.diameter.draw(rng) / 2, variant.elongation.draw(rng)
    side = 2 * int(np.ceil((radius * (room + 0.5 * elongation) + 1) / mpp)) + 1
    shape = (side, side)
    body = shapes.blob(shape, (side / 2, side / 2), radius, elongation, wobble, mpp, rng)
    return radius, shape, body


def _streaks(
    shape: tuple[int, int],
    mpp: float,
    rng: np.random.Generator,
    angle: float,
    grain: float,
    length: float,
) -> Field:
    """Noise drawn out along one direction, standard deviation near 1."""
    rough = texture.noise(shape, grain, mpp, rng)
    drawn = cv2.filter2D(rough, -1, _line_kernel(length, angle, mpp))
    streaks: Field = drawn / max(float(drawn.std()), 1e-6)
    return streaks


def _line_kernel(length: float, angle: float, mpp: float, *, one_sided: bool = False) -> Field:
    half = max(1, round(length / mpp / (1 if one_sided else 2)))
    kernel: Field = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    tip = np.array([np.cos(angle), np.sin(angle)]) * half
    start = np.zeros(2) if one_sided else -tip
    first, last = (np.round(point + half).astype(int).tolist() for point in (start, tip))
    cv2.line(kernel, first, last, 1.0)
    kernel /= kernel.sum()
    return kernel


def _layers(mass: Field, azure: float, eosin: float, pigment: float) -> Field:
    layers = np.empty((3, *mass.shape), np.float32)
    layers[AZURE], layers[EOSIN], layers[PIGMENT] = azure * mass, eosin * mass, pigment * mass
    return layers


def _none(shape: tuple[int, int]) -> Mask:
    return np.zeros(shape, bool)
