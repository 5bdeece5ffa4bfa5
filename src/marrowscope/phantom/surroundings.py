"""What lies around a cell: protein film, red cells, platelets, specks."""

import numpy as np

from marrowscope.phantom import shapes, texture
from marrowscope.phantom.canvas import AZURE, EOSIN, PIGMENT, Canvas, Sprite


def paint_film(canvas: Canvas, plasma: float, rng: np.random.Generator) -> None:
    """The thin, cloudy film of stained protein on the glass."""
    noise = texture.noise(canvas.shape, 5.0, canvas.microns_per_pixel, rng)
    film = np.maximum(plasma * (1 + 0.5 * noise), 0)
    canvas.layers[AZURE] += 0.7 * film
    canvas.layers[EOSIN] += 0.5 * film


def paint_specks(canvas: Canvas, expected: float, rng: np.random.Generator) -> None:
    """Stain dust and granules shed by broken cells."""
    count = int(rng.poisson(expected))
    if count:
        everywhere = np.ones(canvas.shape, bool)
        specks = texture.scatter(everywhere, count, 0.16, canvas.microns_per_pixel, rng, spread=0.5)
        canvas.layers[AZURE] += float(rng.uniform(0.1, 0.7)) * specks
        canvas.layers[EOSIN] += float(rng.uniform(0.3, 0.8)) * specks


def red_cell(
    microns_per_pixel: float,
    rng: np.random.Generator,
    radius: float,
    strength: float,
    pallor: float,
) -> Sprite:
    """A red cell: a disc of haemoglobin, thinner in the middle by ``pallor`` (0 to 1)."""
    half = radius * 1.5 + 0.4
    side = 2 * int(np.ceil(half / microns_per_pixel)) + 1
    shape = (side, side)
    elongation = abs(float(rng.normal(0, 0.12)))
    body = shapes.blob(
        shape, (side / 2, side / 2), radius, elongation, 0.035, microns_per_pixel, rng
    )
    cover = shapes.soft(body, 0.25)
    # Towards the middle: 0 on the rim, 1 in the centre.
    inward = np.clip(body / (0.95 * radius), 0, 1)
    thickness = 1 - pallor * inward**1.5 * (2.5 - 1.5 * inward)
    thickness += 0.12 * np.exp(-np.maximum(body, 0) * (1 / 0.3))
    mass = strength * cover * thickness
    layers = np.empty((3, *shape), np.float32)
    layers[AZURE], layers[EOSIN], layers[PIGMENT] = 0.38 * mass, 0.20 * mass, 0.32 * mass
    return Sprite(layers, 0.7 * cover, np.zeros(shape, bool), radius)


def platelet(microns_per_pixel: float, rng: np.random.Generator) -> Sprite:
    """A platelet: 1.5 to 3 µm, pale violet with fine purple granules."""
    radius = float(rng.uniform(0.7, 1.5))
    side = 2 * int(np.ceil((radius * 1.6 + 0.4) / microns_per_pixel)) + 1
    shape = (side, side)
    body = shapes.blob(
        shape,
        (side / 2, side / 2),
        radius,
        float(rng.uniform(0, 0.5)),
        0.12,
        microns_per_pixel,
        rng,
    )
    cover = shapes.soft(body, 0.3)
    grains = texture.scatter(body > 0.2, 60, 0.18, microns_per_pixel, rng)
    layers = np.empty((3, *shape), np.float32)
    layers[AZURE] = 0.22 * cover + 0.25 * grains
    layers[EOSIN] = 0.12 * cover + 0.45 * grains
    layers[PIGMENT] = 0.0
    return Sprite(layers, cover, np.zeros(shape, bool), radius)


def scatter_red_cells(
    canvas: Canvas,
    expected: float,
    keep_clear: tuple[float, float, float],
    rng: np.random.Generator,
) -> None:
    """Red cells at random, some touching; most stay out of a disc (x px, y px, radius µm).

    All red cells of an image share thickness and pallor, as the region of the smear gives them.
    """
    mpp = canvas.microns_per_pixel
    strength = float(rng.uniform(0.30, 0.62))
    pallor = float(rng.uniform(0.15, 0.9))
    x0, y0, clear = keep_clear
    height, width = canvas.shape
    for _ in range(int(rng.poisson(expected))):
        radius = max(2.6, float(rng.normal(3.5, 0.3)))
        margin = radius / mpp
        x = float(rng.uniform(-margin, width + margin))
        y = float(rng.uniform(-margin, height + margin))
        away = max(float(np.hypot(x - x0, y - y0)), 1.0)
        least = (clear + radius * float(rng.uniform(0.45, 1.1))) / mpp
        if away < least:
            x, y = x0 + (x - x0) / away * least, y0 + (y - y0) / away * least
        own = strength * float(np.exp(rng.normal(0, 0.12)))
        canvas.lay(red_cell(mpp, rng, radius, own, pallor * float(rng.uniform(0.5, 1.2))), x, y)
