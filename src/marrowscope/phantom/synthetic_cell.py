"""Synthetic images of single bone-marrow cells, one function: ``draw_cell``.

A scene is composed as stain concentrations (``canvas``), then photographed (``camera``). Fields
and slides can be composed from the same sprites on a larger canvas.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.morphology import BY_CODE, CountRole
from marrowscope.phantom import surroundings
from marrowscope.phantom.appearance import Variant, appearances, choose_variant
from marrowscope.phantom.camera import ImagingStyle, draw_style, record_image, vary_style
from marrowscope.phantom.canvas import Canvas, PlacedMasks
from marrowscope.phantom.non_cells import paint
from marrowscope.phantom.shapes import Field, Mask
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL

# The patch of the public data set: 250 px of 0.08625 µm (Matek et al., Blood 2021).
PATCH_MICRONS = INPUT_SIZE * MICRONS_PER_PIXEL


@dataclass(frozen=True)
class PhantomCell:
    """A synthetic cell with its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        cell_mask: (H, W) bool, the cell with its nucleus; cut at the border of the image.
        nucleus_mask: (H, W) bool, inside ``cell_mask``; empty where there is no nucleus.
        code: class code.
        stain: (6,) float32 unit vectors of optical density (natural log): haematoxylin-like
            R, G, B, then eosin-like R, G, B.
        microns_per_pixel: pixel size.
    """

    image: NDArray[np.uint8]
    cell_mask: Mask
    nucleus_mask: Mask
    code: str
    stain: NDArray[np.float32]
    microns_per_pixel: float


@dataclass(frozen=True)
class Scene:
    """A composed patch before it is photographed: concentrations (3, H, W) and what lies where."""

    layers: Field
    placed: PlacedMasks
    style: ImagingStyle
    microns_per_pixel: float


def draw_cell(
    code: str, seed: int, size: int = INPUT_SIZE, style: ImagingStyle | None = None
) -> PhantomCell:
    """Draw one synthetic cell in its surroundings.

    Args:
        code: one of the 21 class codes.
        seed: same code, seed, size and style give the same image.
        size: px on a side; the patch is always 21.6 µm wide, so that a smaller size is the same
            kind of image at a coarser resolution.
        style: stain and light of the patient; drawn from the seed when not given.

    Raises:
        InputError: an unknown code, a negative seed, or a size below 32 or above 2,000.
    """
    if code not in appearances():
        raise InputError(f"{code}: is not a class of the phantom; one of {' '.join(appearances())}")
    if seed < 0:
        raise InputError(f"`seed` {seed}: must be 0 or more")
    if not 32 <= size <= 2000:
        raise InputError(f"`size` {size}: must be from 32 to 2000 px")
    streams = _streams(code, seed)
    scene = compose_scene(code, streams, size, style)
    image = record_image(scene.layers, scene.style, scene.microns_per_pixel, streams.camera)
    return PhantomCell(
        image=image,
        cell_mask=scene.placed.cell,
        nucleus_mask=scene.placed.nucleus,
        code=code,
        stain=scene.style.stain,
        microns_per_pixel=scene.microns_per_pixel,
    )


@dataclass(frozen=True)
class RandomStreams:
    """Independent random streams, so that a change of one part leaves the others as they were."""

    style: np.random.Generator
    cell: np.random.Generator
    around: np.random.Generator
    camera: np.random.Generator


def _streams(code: str, seed: int) -> RandomStreams:
    root = np.random.SeedSequence([seed, *code.encode()])
    return RandomStreams(*(np.random.Generator(np.random.PCG64(child)) for child in root.spawn(4)))


def compose_scene(
    code: str, streams: RandomStreams, size: int, style: ImagingStyle | None = None
) -> Scene:
    """Lay a cell of this class and its surroundings on a canvas of ``size`` × ``size`` px."""
    mpp = PATCH_MICRONS / size
    variant = choose_variant(appearances()[code], streams.cell)
    own = vary_style(style if style is not None else draw_style(streams.style), streams.style)
    if variant.defect is not None:
        variant, own = _spoil(variant, own, code, streams.cell)
    cell = paint(variant, mpp, streams.cell)
    middle = size / 2 + _off_centre(variant, streams.cell) / mpp
    x, y = float(middle[0]), float(middle[1])

    canvas = Canvas(size, size, mpp)
    rng = streams.around
    surroundings.paint_film(canvas, own.plasma, rng)
    surroundings.paint_specks(canvas, float(rng.exponential(8)), rng)
    surroundings.scatter_red_cells(canvas, 4.5 * own.crowding, (x, y, cell.radius), rng)
    for _ in range(int(rng.poisson(0.4))):
        at = rng.uniform(0, size, 2)
        if np.hypot(*(at - middle)) * mpp > cell.radius + 1.2:
            canvas.lay(surroundings.platelet(mpp, rng), float(at[0]), float(at[1]))
    _neighbours(canvas, own.crowding, (x, y, cell.radius), 0.92, rng)
    placed = canvas.lay(cell, x, y)
    if variant.defect == "cover":
        # Something lies on top of it: the truth stays the visible and the hidden part together.
        _neighbours(canvas, 4.0, (x, y, cell.radius), 0.45, rng)
    return Scene(canvas.layers, placed, own, mpp)


def _neighbours(
    canvas: Canvas,
    crowding: float,
    around: tuple[float, float, float],
    closeness: float,
    rng: np.random.Generator,
) -> None:
    """Other nucleated cells beside the one in the middle (x px, y px, radius µm)."""
    x, y, radius = around
    for _ in range(min(int(rng.poisson(1.1 * crowding)), 4)):
        other = choose_variant(neighbour_variants(), rng)
        sprite = paint(other, canvas.microns_per_pixel, rng)
        angle = float(rng.uniform(0, 2 * np.pi))
        gap = closeness + 0.35 * float(rng.random())
        away = (radius + sprite.radius) * gap / canvas.microns_per_pixel
        canvas.lay(sprite, x + away * float(np.cos(angle)), y + away * float(np.sin(angle)))


@cache
def neighbour_variants(but: str = "") -> tuple[Variant, ...]:
    """Intact cells of ordinary size, as often as the study met their class; all but one class."""
    return tuple(
        replace(variant, weight=variant.weight / sum(v.weight for v in group) * _frequency(code))
        for code, group in appearances().items()
        for variant in group
        if code != but
        and variant.painter == "cell"
        and variant.defect is None
        and variant.diameter.mean < 17
        and BY_CODE[code].role is CountRole.COUNTED
    )


def _frequency(code: str) -> float:
    # The root keeps rare classes rare without making every neighbour one of five classes.
    return float(np.sqrt(BY_CODE[code].published_images))


def _off_centre(variant: Variant, rng: np.random.Generator) -> NDArray[np.float64]:
    """How far from the middle of the patch the cell lies, (x, y) µm."""
    if variant.defect != "edge":
        return rng.normal(0, 0.7, 2)
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(6.0, 9.5)
    return np.array([np.cos(angle), np.sin(angle)]) * away


def _spoil(
    variant: Variant, style: ImagingStyle, code: str, rng: np.random.Generator
) -> tuple[Variant, ImagingStyle]:
    """What makes it unidentifiable: its own look out of focus, or another class's look spoilt."""
    if variant.defect == "unfocused":
        return variant, replace(style, blur=float(rng.uniform(0.35, 1.0)))
    other = replace(choose_variant(neighbour_variants(code), rng), defect=variant.defect)
    if variant.defect == "blur":
        style = replace(style, blur=float(rng.uniform(0.35, 0.8)))
    elif variant.defect == "dark":
        # Shrunken, overstained, without visible structure.
        factor = float(rng.uniform(1.5, 2.2))
        azure, eosin, pigment = style.gains
        style = replace(
            style,
            gains=(azure * factor, eosin * factor, pigment),
            blur=style.blur + float(rng.uniform(0.15, 0.4)),
        )
    return other, style
