"""One synthetic cell in the middle of its surroundings."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.geometry import INPUT_SIZE, MICRONS_PER_PIXEL
from marrowscope.morphology import CODES
from marrowscope.phantom.appearance import Appearance, appearances
from marrowscope.phantom.canvas import Canvas, Optics, blank, draw_optics, noise, photograph
from marrowscope.phantom.shapes import Mask, Point, blob, dots, line_bundle, nucleus

_RED_CELL = 7.4  # µm


@dataclass(frozen=True)
class PhantomCell:
    """A synthetic image and its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        cell_mask, nucleus_mask: (H, W) bool; the nucleus lies within the cell.
        code: class.
        stain: (6,) float32 stain vectors the image was rendered with.
        microns_per_pixel: pixel size.
    """

    image: NDArray[np.uint8]
    cell_mask: NDArray[np.bool_]
    nucleus_mask: NDArray[np.bool_]
    code: str
    stain: NDArray[np.float32]
    microns_per_pixel: float


def draw_cell(
    code: str, seed: int, size: int = INPUT_SIZE, optics: Optics | None = None
) -> PhantomCell:
    """Draw one cell.

    Args:
        code: one of the 21 classes.
        seed: the same seed gives the same cell.
        size: side of the image in px, at 0.08625 µm per px.
        optics: stain and light of the smear; drawn from the seed when not given.

    Raises:
        InputError: ``code`` is not one of the 21 classes.
    """
    if code not in CODES:
        raise InputError(f"phantom: class {code!r} is unknown; known are {', '.join(CODES)}")
    random = np.random.Generator(np.random.PCG64([seed, CODES.index(code)]))
    look = appearances()[code]
    optics = optics or draw_optics(random)
    canvas = blank(size)
    middle = size / 2
    centre = (middle + random.normal(0, 4), middle + random.normal(0, 4))
    radius = _to_px(max(5.0, random.normal(*look.size)) / 2)
    draw_surroundings(random, canvas, centre, radius)
    cell, core = draw_on(random, canvas, look, centre, radius)
    defocus = float(random.uniform(1.5, 5.0)) if random.random() < look.extras.get("blur", 0) else 0
    if random.random() < look.extras.get("cut", 0):
        _cover_half(random, canvas, centre, radius)
    image = photograph(random, canvas, optics, defocus)
    inside = cell > 0.5
    return PhantomCell(
        image, inside, (core > 0.5) & inside, code, optics.stain.copy(), MICRONS_PER_PIXEL
    )


def draw_on(
    random: np.random.Generator, canvas: Canvas, look: Appearance, centre: Point, radius: float
) -> tuple[Mask, Mask]:
    """Draw a cell of this look onto a canvas; returns the masks of cell and nucleus in [0, 1]."""
    side = canvas.side
    body = _body(random, side, look, centre, radius)
    grain = noise(random, side, _to_px(0.5))
    patches = noise(random, side, _to_px(2.5))
    azure, eosin = (amount * random.uniform(0.75, 1.25) for amount in look.cytoplasm)
    texture = 1 + 0.08 * grain + 0.12 * patches
    canvas.cover(body, azure * texture, eosin * texture, 0.95)
    core_radius = radius * min(0.97, look.nc * random.normal(1, 0.05))
    core_centre = _off_centre(random, centre, (radius - core_radius) * look.offset)
    if look.nucleus == "none":
        core = _debris(random, canvas, look, centre, radius)
        body = np.maximum(body, core)
    else:
        core = nucleus(random, side, look.nucleus, core_centre, core_radius, look.lobes)
        core *= body if look.nucleus != "streaks" else np.float32(1)
    _draw_extras_below(random, canvas, look, body, core_centre, core_radius)
    _draw_granules(random, canvas, look, body, core, radius)
    if look.nucleus != "none":
        _draw_chromatin(random, canvas, look, core, core_centre, core_radius)
    if look.nucleus == "streaks":
        body = np.maximum(body * 0.3, core)
    return body, core


def draw_surroundings(
    random: np.random.Generator, canvas: Canvas, centre: Point, radius: float
) -> None:
    """Red cells, platelets, protein haze, and sometimes a neighbour at the border."""
    side = canvas.side
    haze = noise(random, side, side / 3) * 0.02 + random.uniform(0.0, 0.10)
    canvas.azure += np.clip(haze, 0, None)
    for _ in range(int(random.poisson(7 * (side / INPUT_SIZE) ** 2))):
        _draw_red_cell(random, canvas, _place(random, side))
    for _ in range(int(random.poisson(1.5))):
        place, size = _place(random, side), _to_px(random.uniform(0.8, 1.5))
        mask = blob(random, side, place, size, random.uniform(1, 1.6), 0.25)
        canvas.add(mask, random.uniform(0.15, 0.4), random.uniform(0.1, 0.3))
    names = list(appearances())
    for _ in range(int(random.poisson(0.9))):
        look = appearances()[names[int(random.integers(len(names)))]]
        other = _to_px(random.normal(*look.size) / 2)
        turn = random.uniform(0, 2 * np.pi)
        way = (radius + max(other, 10)) * random.uniform(0.98, 1.25)
        place = (centre[0] + way * np.cos(turn), centre[1] + way * np.sin(turn))
        draw_on(random, canvas, look, place, max(other, 20))


def _body(
    random: np.random.Generator, side: int, look: Appearance, centre: Point, radius: float
) -> Mask:
    body = blob(random, side, centre, radius, random.uniform(1.0, 1.15), 0.06)
    hairs = round(look.extras.get("hairs", 0) * random.uniform(0.7, 1.3))
    if hairs:
        angle = np.sort(random.uniform(0, 2 * np.pi, hairs))
        tip = radius * random.uniform(1.08, 1.38, hairs)
        lean = angle + random.normal(0, 0.08, hairs)
        inner = np.stack([np.cos(angle), np.sin(angle)], 1) * radius * 0.9
        outer = np.stack([np.cos(lean), np.sin(lean)], 1) * tip[:, None]
        ends = np.stack([inner, outer], axis=1) + np.array(centre)
        body = np.maximum(body, line_bundle(random, side, ends, _to_px(0.3)))
    return body


def _draw_extras_below(
    random: np.random.Generator,
    canvas: Canvas,
    look: Appearance,
    body: Mask,
    centre: Point,
    radius: float,
) -> None:
    side = canvas.side
    hof = look.extras.get("hof", 0)
    if hof:
        turn = random.uniform(0, 2 * np.pi)
        place = (centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn))
        pale = blob(random, side, place, radius * 0.55, 1.2, 0.1)
        pale = np.asarray(cv2.GaussianBlur(pale, (0, 0), 4), np.float32)
        canvas.azure *= 1 - 0.6 * hof * pale * body
    vacuoles = int(random.poisson(look.extras.get("vacuoles", 0)))
    if vacuoles:
        places = _inside(random, body, vacuoles)
        holes = dots(side, places, _to_px(1) * random.uniform(0.3, 0.8, len(places)))
        canvas.azure *= 1 - 0.8 * holes
    rods = int(random.poisson(look.extras.get("rods", 0)))
    if rods:
        start = _inside(random, body, rods)
        turn = random.uniform(0, np.pi) + random.normal(0, 0.35, len(start))
        length = _to_px(1) * random.uniform(2.0, 4.5, len(start))
        way = np.stack([np.cos(turn), np.sin(turn)], 1) * length[:, None]
        bundle = line_bundle(random, side, np.stack([start, start + way], 1), _to_px(0.25)) * body
        canvas.add(bundle, 0.55, 0.75)


def _draw_granules(
    random: np.random.Generator,
    canvas: Canvas,
    look: Appearance,
    body: Mask,
    core: Mask,
    radius: float,
) -> None:
    free = body * (1 - 0.85 * core)  # some granules lie over the nucleus
    area = float(np.pi * (radius * MICRONS_PER_PIXEL) ** 2)
    for density, diameter, azure, eosin in look.granules:
        count = int(random.poisson(density * area / 100 * random.uniform(0.6, 1.4)))
        places = _inside(random, free, count)
        radii = random.uniform(0.7, 1.3, len(places)) * _to_px(diameter / 2)
        grains = dots(canvas.side, places, radii)
        canvas.cover(grains * free, azure, eosin, 0.75)


def _draw_chromatin(
    random: np.random.Generator,
    canvas: Canvas,
    look: Appearance,
    core: Mask,
    centre: Point,
    radius: float,
) -> None:
    side = canvas.side
    grain, contrast = look.chromatin
    clumps = np.tanh(noise(random, side, _to_px(grain)) * 1.2)
    fine = noise(random, side, _to_px(0.35)) * 0.25
    texture = 1 + contrast * (clumps + fine)
    azure = look.azure * random.normal(1, 0.08) * texture
    canvas.cover(core, azure, 0.22 * texture, 0.93)
    for _ in range(int(random.poisson(look.nucleoli))):
        place = _off_centre(random, centre, radius * 0.55)
        spot = blob(random, side, place, _to_px(random.uniform(0.6, 1.2)), 1.2, 0.1) * core
        canvas.azure *= 1 - 0.35 * spot


def _debris(
    random: np.random.Generator, canvas: Canvas, look: Appearance, centre: Point, radius: float
) -> Mask:
    """Stain dirt and crushed matter in place of a nucleus."""
    side = canvas.side
    total = np.zeros((side, side), np.float32)
    for _ in range(1 + int(random.poisson(look.extras.get("debris", 0)))):
        place = _off_centre(random, centre, radius * 0.9)
        size = radius * random.uniform(0.08, 0.45)
        piece = blob(random, side, place, size, random.uniform(1, 2.5), 0.35)
        texture = 1 + 0.4 * np.tanh(noise(random, side, _to_px(look.chromatin[0])))
        canvas.cover(piece, look.azure * texture * random.uniform(0.5, 1.6),
                     random.uniform(0.1, 0.8) * texture, 0.9)  # fmt: skip
        total = np.maximum(total, piece)
    return total


def _draw_red_cell(random: np.random.Generator, canvas: Canvas, place: Point) -> None:
    side, radius = canvas.side, _to_px(_RED_CELL * random.normal(1, 0.07) / 2)
    mask = blob(random, side, place, radius, random.uniform(1, 1.25), 0.05)
    pallor = blob(random, side, place, radius * 0.42, 1.1, 0.08)
    pallor = np.asarray(cv2.GaussianBlur(pallor, (0, 0), radius * 0.16), np.float32)
    level = random.uniform(0.22, 0.40) * (1 - random.uniform(0.2, 0.65) * pallor)
    canvas.azure += mask * random.uniform(0.02, 0.10) * (1 - pallor)
    canvas.eosin += mask * level


def _cover_half(random: np.random.Generator, canvas: Canvas, centre: Point, radius: float) -> None:
    """Another cell lies over a good part of this one."""
    turn = random.uniform(0, 2 * np.pi)
    way = radius * random.uniform(0.5, 1.0)
    place = (centre[0] + way * np.cos(turn), centre[1] + way * np.sin(turn))
    for _ in range(int(random.integers(1, 4))):
        _draw_red_cell(random, canvas, _off_centre(random, place, radius * 0.6))
    mask = blob(random, canvas.side, place, radius * random.uniform(0.6, 1.0), 1.2, 0.15)
    canvas.cover(mask, random.uniform(0.6, 1.1), random.uniform(0.2, 0.4), 0.8)


def _inside(random: np.random.Generator, mask: Mask, count: int) -> NDArray[np.float64]:
    """About ``count`` random points (K, 2) as x, y within a mask."""
    rows, columns = np.nonzero(mask > 0.5)
    if not len(rows) or not count:
        return np.empty((0, 2))
    chosen = random.integers(0, len(rows), count)
    return np.stack([columns[chosen], rows[chosen]], axis=1).astype(np.float64)


def _off_centre(random: np.random.Generator, centre: Point, way: float) -> Point:
    turn, share = random.uniform(0, 2 * np.pi), np.sqrt(random.uniform(0.3, 1))
    return (centre[0] + way * share * np.cos(turn), centre[1] + way * share * np.sin(turn))


def _place(random: np.random.Generator, side: int) -> Point:
    x, y = random.uniform(-20, side + 20, 2)
    return float(x), float(y)


def _to_px(microns: float) -> float:
    return microns / MICRONS_PER_PIXEL
