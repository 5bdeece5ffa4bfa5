"""A whole synthetic field of a marrow smear, with the truth of every cell: ``draw_field``."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import SCHEMA
from marrowscope.errors import InputError
from marrowscope.morphology import BY_CODE, CountRole
from marrowscope.phantom.background import (
    BLURRED,
    Background,
    SmoothNoise,
    Window,
    classify_background,
    empty_background,
    grid_coordinates,
)
from marrowscope.phantom.camera import ImagingStyle, draw_style, vary_style
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.composition import class_mix
from marrowscope.phantom.field_settings import FieldSettings, validate_settings
from marrowscope.phantom.label_masks import measure_labels, touching_labels
from marrowscope.phantom.placement import PlacementPlan, place_objects
from marrowscope.phantom.renderer import FixedObjects, RenderedLayers, SceneRenderer, render_image
from marrowscope.phantom.shapes import Field, Mask

_MARGIN = 16.0  # µm around the field that is filled too, for cells that stick in
_STEP = 2.0  # µm


@dataclass(frozen=True)
class PhantomField:
    """A synthetic field with its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        cells: one row per object that has a truth, in the order of the labels: columns of the
            cell table (``cell_id``, ``path`` null, ``x``, ``y`` centre in px, ``width``,
            ``height`` of the box, ``microns_per_pixel``, ``label``, ``annotator``, ``stain``) and
            ``instance`` its value in ``cell_mask``; ``x0``, ``y0``, ``x1``, ``y1`` box of what is
            seen, half open; ``radius`` px of the disc of equal area; ``touches_border``;
            ``touching`` another one; ``is_cell`` false for smudges and artefacts; ``judgeable``.
        cell_mask: (H, W) uint16, 0 or ``instance``. Where cells overlap the upper one counts.
        nucleus_mask: (H, W) bool, what is seen of nuclei.
        judgeable: (H, W) bool, where cells can be judged.
        stain: (6,) float32, true stain vectors.
        microns_per_pixel: pixel size.
        numbers: of each row of ``cells`` in the library, which tells its look.
    """

    image: NDArray[np.uint8]
    cells: pl.DataFrame
    cell_mask: NDArray[np.uint16]
    nucleus_mask: Mask
    judgeable: Mask
    stain: NDArray[np.float32]
    microns_per_pixel: float
    numbers: tuple[int, ...]


def draw_field(
    settings: FieldSettings | None = None, seed: int = 0, library: CellLibrary | None = None
) -> PhantomField:
    """Draw one field; the same settings, seed and library give the same field.

    Args:
        settings: what it holds.
        seed: of everything random.
        library: stock of drawn cells to share between fields, which makes each quicker; one of
            its own when not given. Its pixel size must be that of the settings.

    Raises:
        InputError: a setting out of range, or a library of another pixel size.
    """
    settings = settings if settings is not None else FieldSettings()
    validate_settings(settings, seed)
    mpp = settings.microns_per_pixel
    if library is None:
        library = CellLibrary(mpp, seed)
    if library.microns_per_pixel != mpp:
        raise InputError(
            f"the library is drawn at {library.microns_per_pixel} µm per pixel, "
            f"the field asks for {mpp}; make a library of the same pixel size"
        )
    streams = np.random.SeedSequence([seed, 0xF1E1D]).spawn(4)
    layout, objects, camera, dirt = (np.random.Generator(np.random.PCG64(s)) for s in streams)
    style = settings.style
    style = vary_style(style if style is not None else draw_style(camera), camera)
    background = _background(settings, style, seed, layout)
    window = Window(0, 0, settings.width, settings.height)
    plan = PlacementPlan(
        class_mix(settings.composition),
        settings.touching,
        settings.overlap,
        settings.platelets_per_mm2,
    )
    edge = _MARGIN
    box = (-edge, -edge, settings.width * mpp + edge, settings.height * mpp + edge)
    renderer = SceneRenderer(
        seed,
        background,
        FixedObjects(place_objects(box, [], background, plan, library, objects)),
        library,
    )
    drawn = renderer.draw(window)
    _dirt(drawn.layers, settings, dirt)
    noise = camera.standard_normal((3, window.height, window.width), dtype=np.float32)
    image = render_image(drawn, window, background, style, mpp, noise, _light(settings, camera))
    judgeable = background.judgeable(window, mpp)
    return PhantomField(
        image=image,
        cells=_table(drawn, judgeable, seed, mpp, style),
        cell_mask=drawn.labels,
        nucleus_mask=drawn.nucleus,
        judgeable=judgeable,
        stain=style.stain,
        microns_per_pixel=mpp,
        numbers=tuple(placed.number for placed in drawn.objects),
    )


def _background(
    settings: FieldSettings, style: ImagingStyle, seed: int, rng: np.random.Generator
) -> Background:
    mpp, edge = settings.microns_per_pixel, _MARGIN + 4 * _STEP
    wide, high = settings.width * mpp, settings.height * mpp
    background = empty_background((-edge, -edge, wide + edge, high + edge), _STEP)
    x, y = grid_coordinates(background)
    shape = background.cells.shape
    grid = Window(0, 0, shape[1], shape[0])
    # Density and stain wander a little everywhere.
    patches = SmoothNoise(seed, 11).sample(60.0, grid, _STEP)
    crowding = np.clip(1 + 0.25 * patches, 0.3, 2)
    particle = np.zeros(shape, np.float32)
    bumps = SmoothNoise(seed, 12).sample(14.0, grid, _STEP)
    for _ in range(int(rng.poisson(settings.particles))):
        px, py, radius = rng.uniform(0, wide), rng.uniform(0, high), rng.uniform(25, 60)
        depth = radius - np.hypot(x - px, y - py) + 5 * bumps
        particle = np.maximum(particle, np.clip(depth / 12 + 0.5, 0, 1))
    count = int(rng.poisson(settings.fat_holes))
    holes = np.stack(
        [rng.uniform(0, wide, count), rng.uniform(0, high, count), rng.uniform(6, 22, count)], 1
    )
    defocus = _zones(SmoothNoise(seed, 13).sample(70.0, grid, _STEP), settings.out_of_focus)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x / wide - 0.5) * np.cos(angle) + (y / high - 0.5) * np.sin(angle)
    stain = np.clip(1 + settings.stain_gradient * slope, 0.05, None) * (1 + 0.02 * patches)
    red = np.where(particle > 0.3, 0.0, settings.red * np.clip(1 + 0.12 * bumps, 0.5, 1.5))
    cells = settings.cells_per_mm2 * crowding * (1 + 0.5 * (particle > 0))
    background = replace(
        background,
        cells=np.where(particle > 0.1, 0, cells).astype(np.float32),
        red=red.astype(np.float32),
        excluded=np.full(shape, settings.excluded, np.float32),
        film=np.full(shape, style.plasma, np.float32),
        stain=stain.astype(np.float32),
        defocus=(defocus + 0.5 * particle).astype(np.float32),
        particle=particle,
        holes=holes,
    )
    everywhere = np.ones(shape, bool)
    return replace(background, reason=classify_background(background, 0.0, everywhere, everywhere))


def _zones(wandering: Field, share: float) -> Field:
    """Defocus in µm, above ``BLURRED`` on about this share of the map."""
    if share <= 0:
        return np.zeros_like(wandering)
    threshold = float(np.quantile(wandering, 1 - share)) if share < 1 else -np.inf
    if not np.isfinite(threshold):
        return np.ones_like(wandering)
    zones: Field = np.clip(BLURRED + 0.9 * (wandering - threshold), 0, 1)
    return zones


def _dirt(layers: Field, settings: FieldSettings, rng: np.random.Generator) -> None:
    """Specks of stain on top of everything."""
    height, width = layers.shape[1:]
    mpp = settings.microns_per_pixel
    count = int(rng.poisson(settings.dirt_per_mm2 * height * width * mpp**2 * 1e-6))
    drawn = np.zeros((height, width), np.uint8)
    for _ in range(count):
        x, y = int(rng.uniform(0, width) * 16), int(rng.uniform(0, height) * 16)
        radius = max(int(16 * abs(rng.normal(0.12, 0.12)) / mpp), 4)
        level = int(rng.uniform(60, 255))
        cv2.circle(drawn, (x, y), radius, level, -1, cv2.LINE_AA, 4)
    if count:
        specks = drawn.astype(np.float32) * np.float32(1 / 255)
        layers[0] += float(rng.uniform(0.2, 0.7)) * specks
        layers[1] += float(rng.uniform(0.4, 0.9)) * specks


def _light(settings: FieldSettings, rng: np.random.Generator) -> Field:
    """Factor on the light (H, W): less in the corners, and a slope."""
    x = np.linspace(-1, 1, settings.width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, settings.height, dtype=np.float32)[:, None]
    middle = rng.normal(0, 0.12, 2).tolist()
    away = (x - middle[0]) ** 2 + (y - middle[1]) ** 2
    angle = float(rng.uniform(0, 2 * np.pi))
    slope = 0.5 * settings.light_gradient * (x * np.cos(angle) + y * np.sin(angle))
    light: Field = ((1 - settings.vignetting * away / 2) * (1 + slope)).astype(np.float32)
    return light


def _table(
    drawn: RenderedLayers, judgeable: Mask, seed: int, microns_per_pixel: float, style: ImagingStyle
) -> pl.DataFrame:
    touching = touching_labels(drawn.labels)
    height, width = drawn.labels.shape
    rows = []
    for index, (box, area, x, y) in enumerate(measure_labels(drawn.labels, len(drawn.objects))):
        placed = drawn.objects[index]
        x0, y0, x1, y1 = box
        rows.append(
            {
                "cell_id": f"phantom-field-{seed}-{index + 1}",
                "path": None,
                "field_id": f"phantom-field-{seed}",
                "x": x,
                "y": y,
                "width": x1 - x0,
                "height": y1 - y0,
                "microns_per_pixel": microns_per_pixel,
                "label": placed.name,
                "annotator": "synthetic",
                "stain": style.stain.tolist(),
                "instance": index + 1,
                "x0": x0,
                "y0": y0,
                "x1": x1,
                "y1": y1,
                "radius": float(np.sqrt(area / np.pi)),
                "touches_border": x0 == 0 or y0 == 0 or x1 == width or y1 == height,
                "touching": index + 1 in touching,
                "is_cell": BY_CODE[placed.name].role is not CountRole.EXCLUDED,
                "judgeable": bool(judgeable[int(y), int(x)]),
            }
        )
    return pl.DataFrame(rows, schema=TABLE_SCHEMA)


TABLE_SCHEMA: dict[str, pl.DataType] = {
    name: SCHEMA[name]
    for name in (
        "cell_id",
        "path",
        "field_id",
        "x",
        "y",
        "width",
        "height",
        "microns_per_pixel",
        "label",
        "annotator",
        "stain",
    )
} | {
    "instance": pl.Int32(),
    **dict.fromkeys(("x0", "y0", "x1", "y1"), pl.Int32()),
    "radius": pl.Float64(),
    **dict.fromkeys(("touches_border", "touching", "is_cell", "judgeable"), pl.Boolean()),
}
