"""A synthetic slide of any size with its truth: ``write_slide``, streamed to a pyramidal TIFF."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import write_cells
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing_together
from marrowscope.morphology import BY_CODE, CountRole
from marrowscope.phantom.background import PhantomRegion, Window
from marrowscope.phantom.camera import ImagingStyle, draw_style
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.composition import class_mix
from marrowscope.phantom.occupancy import CELL_RANK, PlacedObject
from marrowscope.phantom.placement import PlacementPlan
from marrowscope.phantom.pyramid_writer import PyramidLayout, write_pyramid
from marrowscope.phantom.renderer import BLOCK, BlockwiseObjects, SceneRenderer, render_image
from marrowscope.phantom.smear_layout import Polygon, SmearLayout, lay_out_smear, mask_outlines
from marrowscope.phantom.synthetic_field import TABLE_SCHEMA
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.progress import Advance

DESCRIPTION = "synthetic: drawn by marrowscope, no patient, no microscope"
_PATCH = 1024  # px that are drawn at a time; the content does not depend on the size of the tiles
_NOISE = 1536  # px of the noise, of which every patch takes a different part


@dataclass(frozen=True)
class SlideSettings:
    """What a slide holds.

    Attributes:
        width, height: px at level 0.
        microns_per_pixel: pixel size at level 0.
        tile: side of the tiles, 256 or 512.
        quality: of the JPEG tiles.
        composition, cells_per_mm2, touching, overlap, excluded, platelets_per_mm2: as in
            ``field_settings.FieldSettings``, in the single-layer zone.
        per_class: cells drawn of each class; within a slide they repeat.
        style: stain and light; drawn from the seed when not given.
    """

    width: int = 20000
    height: int = 20000
    microns_per_pixel: float = MICRONS_PER_PIXEL
    tile: int = 512
    quality: int = 88
    composition: str | Mapping[str, float] = "normal"
    cells_per_mm2: float = 2500.0
    touching: float = 0.3
    overlap: float = 0.12
    excluded: float = 0.06
    platelets_per_mm2: float = 300.0
    per_class: int = 40
    style: ImagingStyle | None = None


class PhantomSlide:
    """A slide that is drawn where it is looked at.

    Args:
        settings: what it holds.
        seed: the same settings and seed give the same slide.

    Raises:
        InputError: a setting out of range.
    """

    def __init__(self, settings: SlideSettings | None = None, seed: int = 0) -> None:
        self.settings = settings if settings is not None else SlideSettings()
        self.seed = seed
        _check(self.settings, seed)
        self._mix = class_mix(self.settings.composition)
        rng = np.random.Generator(np.random.PCG64([seed, 0x511DE]))
        own = self.settings
        self.style = own.style if own.style is not None else draw_style(rng)
        mpp = own.microns_per_pixel
        wide, high = own.width * mpp, own.height * mpp
        self.smear: SmearLayout = lay_out_smear(
            wide, high, own.cells_per_mm2, own.excluded, self.style.plasma, seed
        )
        plan = PlacementPlan(self._mix, own.touching, own.overlap, own.platelets_per_mm2)
        library = CellLibrary(mpp, seed, own.per_class)
        # Enough for the blocks that one row of patches and its neighbours touch.
        remembered = int((wide / BLOCK + 6) * (_PATCH * mpp / BLOCK + 8))
        blocks = BlockwiseObjects(seed, self.smear.background, plan, library, remembered)
        self._renderer = SceneRenderer(seed, self.smear.background, blocks, library)
        self._noise = rng.standard_normal((3, _NOISE, _NOISE), dtype=np.float32)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Pixels (height, width, 3) uint8 RGB of a window inside the slide."""
        image = np.empty((window.height, window.width, 3), np.uint8)
        for patch in self._patches(window):
            x0, x1 = max(patch.x, window.x), min(patch.x + _PATCH, window.x + window.width)
            y0, y1 = max(patch.y, window.y), min(patch.y + _PATCH, window.y + window.height)
            pixels = self.patch(patch.x // _PATCH, patch.y // _PATCH)
            image[y0 - window.y : y1 - window.y, x0 - window.x : x1 - window.x] = pixels[
                y0 - patch.y : y1 - patch.y, x0 - patch.x : x1 - patch.x
            ]
        return image

    def patch(self, column: int, row: int) -> NDArray[np.uint8]:
        """One patch of 1,024 × 1,024 px, a function of settings, seed and position alone."""
        mpp, background = self.settings.microns_per_pixel, self.smear.background
        inner = Window(column * _PATCH, row * _PATCH, _PATCH, _PATCH)
        box = tuple(v * mpp for v in (inner.x, inner.y, inner.x + _PATCH, inner.y + _PATCH))
        # Blur reaches across the border of the patch, so more is drawn than is kept.
        blur = float(np.hypot(self.style.blur, 1.0 if self._blurred(box) else 0.0))
        edge = int(np.ceil(3.2 * blur / mpp)) + 1
        window = Window(inner.x - edge, inner.y - edge, _PATCH + 2 * edge, _PATCH + 2 * edge)
        drawn = self._renderer.draw(window, truth=False)
        words = [self.seed, column, row, 0xA015E]
        rng = np.random.Generator(np.random.PCG64(words))
        left, top = rng.integers(0, _NOISE - window.width + 1, 2).tolist()
        noise = self._noise[:, top : top + window.height, left : left + window.width]
        image = render_image(drawn, window, background, self.style, mpp, noise)
        return image[edge : edge + _PATCH, edge : edge + _PATCH]

    def cells(self, window: Window) -> list[dict[str, Any]]:
        """Rows of the truth of all cells with their middle in a window; px of level 0."""
        mpp = self.settings.microns_per_pixel
        box = (
            (window.x - 1) * mpp,
            (window.y - 1) * mpp,
            (window.x + window.width + 1) * mpp,
            (window.y + window.height + 1) * mpp,
        )
        rows = []
        for placed in self._renderer.source.near(box):
            if placed.rank == CELL_RANK:
                row = self._row(placed)
                if (
                    window.x <= row["x"] < window.x + window.width
                    and window.y <= row["y"] < window.y + window.height
                ):
                    rows.append(row)
        return rows

    def strips(self, found: list[dict[str, Any]]) -> Iterator[NDArray[np.uint8]]:
        """The slide from top to bottom; truth is added to ``found`` on the way."""
        width, height = self.settings.width, self.settings.height
        for y in range(0, height, _PATCH):
            rows = min(_PATCH, height - y)
            strip = np.empty((rows, width, 3), np.uint8)
            for x in range(0, width, _PATCH):
                columns = min(_PATCH, width - x)
                strip[:, x : x + columns] = self.patch(x // _PATCH, y // _PATCH)[:rows, :columns]
                found.extend(self.cells(Window(x, y, columns, rows)))
            yield strip

    def _patches(self, window: Window) -> Iterator[Window]:
        for y in range(window.y // _PATCH, -(-(window.y + window.height) // _PATCH)):
            for x in range(window.x // _PATCH, -(-(window.x + window.width) // _PATCH)):
                yield Window(x * _PATCH, y * _PATCH, _PATCH, _PATCH)

    def _blurred(self, box: tuple[float, ...]) -> bool:
        return self.smear.background.maximum("defocus", (box[0], box[1], box[2], box[3])) > 0

    def _row(self, placed: PlacedObject) -> dict[str, Any]:
        mpp, background = self.settings.microns_per_pixel, self.smear.background
        sprite = self._renderer.library.sprite(placed.name, placed.number, placed.turn)
        left, top = self._renderer.corner(placed, sprite)
        columns = np.flatnonzero(sprite.cell.any(axis=0))
        rows = np.flatnonzero(sprite.cell.any(axis=1))
        x0, x1 = left + int(columns[0]), left + int(columns[-1]) + 1
        y0, y1 = top + int(rows[0]), top + int(rows[-1]) + 1
        x, y = left + sprite.middle[0], top + sprite.middle[1]
        return {
            "cell_id": f"phantom-slide-{self.seed}-{left}-{top}",
            "path": None,
            "slide_id": f"phantom-slide-{self.seed}",
            "x": x,
            "y": y,
            "width": x1 - x0,
            "height": y1 - y0,
            "microns_per_pixel": mpp,
            "label": placed.name,
            "annotator": "synthetic",
            "stain": self.style.stain.tolist(),
            "x0": x0,
            "y0": y0,
            "x1": x1,
            "y1": y1,
            "radius": sprite.radius / mpp,
            "touches_border": x0 <= 0
            or y0 <= 0
            or x1 >= self.settings.width
            or y1 >= self.settings.height,
            "touching": placed.cluster >= 0,
            "is_cell": BY_CODE[placed.name].role is not CountRole.EXCLUDED,
            "judgeable": bool(
                background.reason[background.at(x * mpp, y * mpp)] == PhantomRegion.JUDGEABLE
            ),
        }


def write_slide(
    path: Path,
    settings: SlideSettings | None = None,
    seed: int = 0,
    advance: Advance | None = None,
) -> pl.DataFrame:
    """Write a slide as pyramidal TIFF, with its truth beside it.

    ``NAME.tif`` is the slide, ``NAME.cells.parquet`` the cells, ``NAME.truth.json`` contour and
    judgeable zone as polygons, ``NAME.zones.png`` the map of zones at low power.

    Args:
        path: ends in .tif or .tiff.
        settings: what it holds.
        seed: the same settings and seed give the same pixels.
        advance: called as ``advance(done, total=...)`` with rows of patches.

    Returns:
        The cells: columns as in ``field.PhantomField`` without ``instance``, coordinates in px of
        level 0; ``touching`` tells the cells that were placed in contact.

    Raises:
        InputError: a setting out of range, a wrong suffix, or ``path`` cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise InputError(f"{path}: a slide is written as TIFF; let its name end in .tif")
    slide = PhantomSlide(settings, seed)
    own = slide.settings
    layout = PyramidLayout(
        own.width, own.height, own.microns_per_pixel, own.tile, own.quality, DESCRIPTION
    )
    found: list[dict[str, Any]] = []

    def strips() -> Iterator[NDArray[np.uint8]]:
        for strip in slide.strips(found):
            if advance is not None:
                advance(1, total=-(-own.height // _PATCH))
            yield strip

    with replacing_together(path) as folder:
        beside = folder / path.name
        write_pyramid(beside, layout, strips)
        schema = {k: v for k, v in TABLE_SCHEMA.items() if k not in ("field_id", "instance")}
        names = list(schema)
        names.insert(2, "slide_id")
        kinds: dict[str, Any] = {name: schema.get(name, pl.String()) for name in names}
        table = pl.DataFrame(found, schema=kinds).with_columns(path=pl.lit(str(path)))
        write_cells(table, beside.with_suffix(".cells.parquet"))
        truth = json.dumps(truth_table(slide))
        beside.with_suffix(".truth.json").write_text(truth, encoding="utf-8")
        zones = cv2.imencode(".png", slide.smear.background.reason)[1]
        beside.with_suffix(".zones.png").write_bytes(bytes(zones))
    return table


def truth_table(slide: PhantomSlide) -> dict[str, Any]:
    """Contour, holes and judgeable zone as polygons in px of level 0, and the map's legend."""
    background, mpp = slide.smear.background, slide.settings.microns_per_pixel

    def pixels(polygon: Polygon) -> list[list[float]]:
        points: list[list[float]] = np.round(polygon / mpp, 1).tolist()
        return points

    return {
        "synthetic": True,
        "seed": slide.seed,
        "width": slide.settings.width,
        "height": slide.settings.height,
        "microns_per_pixel": mpp,
        "composition": dict(_composition(slide)),
        "contour": pixels(slide.smear.contour),
        "holes": [pixels(tear) for tear in slide.smear.tears],
        "judgeable": [
            {"outline": pixels(outline), "holes": [pixels(hole) for hole in holes]}
            for outline, holes in mask_outlines(
                background.reason == PhantomRegion.JUDGEABLE, background
            )
        ],
        "zones": {
            "pixels_per_step": background.step / mpp,
            "legend": {reason.name.lower(): int(reason) for reason in PhantomRegion},
        },
    }


def _composition(slide: PhantomSlide) -> Iterator[tuple[str, float]]:
    """Probability of each class among the cells (smudges and artefacts aside)."""
    mixed = slide._mix
    yield from zip(mixed.cells, np.diff([0.0, *mixed.cell_edges]).tolist(), strict=True)


def _check(settings: SlideSettings, seed: int) -> None:
    if seed < 0:
        raise InputError(f"`seed` {seed}: must be 0 or more")
    if settings.tile not in (256, 512):
        raise InputError(f"tile {settings.tile}: must be 256 or 512")
    for name, low, high in (
        ("width", 1024, 400_000),
        ("height", 1024, 400_000),
        ("microns_per_pixel", 0.04, 1.0),
        ("quality", 30, 100),
        ("cells_per_mm2", 0, 20000),
        ("touching", 0, 0.9),
        ("overlap", 0, 0.4),
        ("excluded", 0, 1),
        ("platelets_per_mm2", 0, 20000),
        ("per_class", 1, 1000),
    ):
        value = getattr(settings, name)
        if not low <= value <= high:
            raise InputError(f"`{name}` {value}: must be from {low:g} to {high:g}")
