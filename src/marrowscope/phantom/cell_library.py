"""A stock of drawn cells, so that a field or a slide need not draw each cell anew.

For every class ``per_class`` cells are drawn when first asked for. A cell is used in eight
orientations (quarter turns and mirror images) and in slightly different strength of stain, so
that 40 drawn cells look like several hundred. Within a slide cells do repeat.
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.phantom import surroundings
from marrowscope.phantom.appearance import Variant, appearances, choose_variant
from marrowscope.phantom.canvas import Sprite
from marrowscope.phantom.non_cells import paint
from marrowscope.phantom.shapes import Field, Mask
from marrowscope.phantom.synthetic_cell import neighbour_variants

TURNS = 8
RED, PLATELET = "red cell", "platelet"
_DISPLACED = 0.85  # as on the canvas of a single cell
_OUTLINE_STEP = 0.25  # µm between the points of an outline, about


@dataclass(frozen=True)
class LibrarySprite:
    """A drawn object, cut to what is stained.

    Attributes:
        layers: (3, h, w) float16 concentrations; half precision, for there are hundreds of stamps.
        keep: (h, w) float32, share of what lies below that stays.
        cell: (h, w) bool, where the object lies. nucleus: (h, w) bool, inside ``cell``.
        middle: centre of gravity of ``cell``, (x, y) px in this window.
        radius: µm, of the disc of equal area.
        reach: µm, from the middle to the farthest point of ``cell``.
        outline: (N, 2) float32 points (x, y) in µm from the middle.
    """

    layers: NDArray[np.float16]
    keep: Field
    cell: Mask
    nucleus: Mask
    middle: tuple[float, float]
    radius: float
    reach: float
    outline: NDArray[np.float32]


class CellLibrary:
    """Stamps by name and number at one pixel size; a pure function of seed, name and number.

    Args:
        microns_per_pixel: pixel size.
        seed: of everything drawn.
        per_class: number of cells of each class.
    """

    def __init__(self, microns_per_pixel: float, seed: int = 0, per_class: int = 40) -> None:
        self.microns_per_pixel = microns_per_pixel
        self.seed = seed
        self.per_class = per_class
        self._stamps: dict[tuple[str, int, int], LibrarySprite] = {}

    def count(self, name: str) -> int:
        """How many there are of a class, of red cells or of platelets."""
        return 3 * self.per_class if name == RED else self.per_class

    def sprite(self, name: str, number: int, turn: int) -> LibrarySprite:
        """One object; ``name`` is a class code, ``RED`` or ``PLATELET``; ``turn`` is 0 to 7."""
        key = (name, number, turn)
        if key not in self._stamps:
            if turn == 0:
                self._stamps[key] = self._draw(name, number)
            else:
                self._stamps[key] = reoriented(self.sprite(name, number, 0), turn)
        return self._stamps[key]

    def variant(self, code: str, number: int) -> Variant:
        """How a cell looks; the first draw of its stream chooses."""
        return _choose_variant(code, self._stream(code, number))

    def _stream(self, name: str, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self.seed, number, *name.encode()]))

    def _draw(self, name: str, number: int) -> LibrarySprite:
        rng = self._stream(name, number)
        if name == RED:
            sprite = self._red_cell(rng)
        elif name == PLATELET:
            sprite = surroundings.platelet(self.microns_per_pixel, rng)
        else:
            sprite = _nucleated(name, self.microns_per_pixel, rng)
        return _draw_sprite(sprite, self.microns_per_pixel)

    def _red_cell(self, rng: np.random.Generator) -> Sprite:
        # Thickness and pallor are shared by all red cells of a smear.
        shared = np.random.Generator(np.random.PCG64([self.seed, 0x2ED]))
        strength, pallor = float(shared.uniform(0.32, 0.6)), float(shared.uniform(0.25, 0.85))
        return surroundings.red_cell(
            self.microns_per_pixel,
            rng,
            max(2.6, float(rng.normal(3.5, 0.3))),
            strength * float(np.exp(rng.normal(0, 0.1))),
            pallor * float(rng.uniform(0.5, 1.2)),
        )


def reoriented(sprite: LibrarySprite, turn: int) -> LibrarySprite:
    """A sprite in another orientation (views, no copies): quarter turns, mirrored from 4 on."""
    if not 0 <= turn < TURNS:
        raise ValueError(f"turn {turn}: must be from 0 to {TURNS - 1}")
    x, y = sprite.middle
    height, width = sprite.keep.shape
    points = sprite.outline
    for _ in range(turn % 4):
        x, y, height, width = y, width - x, width, height
        points = np.stack([points[:, 1], -points[:, 0]], axis=1)
    if turn >= 4:
        x, points = width - x, points * np.array([-1, 1], np.float32)

    def view(image: NDArray[Any]) -> Any:
        around = np.rot90(image, turn % 4, axes=(-2, -1))
        return around[..., ::-1] if turn >= 4 else around

    return replace(
        sprite,
        layers=view(sprite.layers),
        keep=view(sprite.keep),
        cell=view(sprite.cell),
        nucleus=view(sprite.nucleus),
        middle=(x, y),
        outline=points,
    )


def _choose_variant(code: str, rng: np.random.Generator) -> Variant:
    # A field has neighbours and borders of its own: variants that consist in these are left out.
    variants = tuple(v for v in appearances()[code] if v.defect not in ("cover", "edge"))
    return choose_variant(variants, rng)


def _nucleated(code: str, microns_per_pixel: float, rng: np.random.Generator) -> Sprite:
    variant = _choose_variant(code, rng)
    if variant.defect is None:
        return paint(variant, microns_per_pixel, rng)
    # The camera is that of the field, so what spoils a single cell is put into its stain.
    if variant.defect == "unfocused":
        sprite = paint(variant, microns_per_pixel, rng)
    else:
        sprite = paint(choose_variant(neighbour_variants(code), rng), microns_per_pixel, rng)
    dark = variant.defect == "dark"
    blur = float(rng.uniform(0.2, 0.4) if dark else rng.uniform(0.4, 0.8))
    factor = float(rng.uniform(1.5, 2.2)) if dark else 1.0
    room = int(np.ceil(3 * blur / microns_per_pixel))
    smooth = [
        cv2.GaussianBlur(np.pad(layer, room), (0, 0), blur / microns_per_pixel)
        for layer in (*sprite.layers, sprite.cover)
    ]
    return replace(
        sprite,
        layers=np.stack(smooth[:3]) * np.float32(factor),
        cover=smooth[3],
        nucleus=np.pad(sprite.nucleus, room),
    )


def _draw_sprite(sprite: Sprite, microns_per_pixel: float) -> LibrarySprite:
    cell = _largest(sprite.cover > 0.5)
    if not cell.any():
        cell = sprite.cover >= sprite.cover.max()
    stained = (sprite.layers.max(axis=0) > 0.004) | cell
    rows, columns = np.flatnonzero(stained.any(axis=1)), np.flatnonzero(stained.any(axis=0))
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cell = np.ascontiguousarray(cell[cut])
    outlines = cv2.findContours(cell.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    y, x = np.nonzero(cell)
    middle = float(x.mean()) + 0.5, float(y.mean()) + 0.5
    points = np.concatenate(outlines)[:, 0, :].astype(np.float32) + np.float32(0.5)
    points = (points - np.array(middle, np.float32)) * np.float32(microns_per_pixel)
    thin = max(1, round(_OUTLINE_STEP / microns_per_pixel))
    return LibrarySprite(
        layers=sprite.layers[:, cut[0], cut[1]].astype(np.float16),
        keep=np.ascontiguousarray(1 - np.float32(_DISPLACED) * sprite.cover[cut]),
        cell=cell,
        nucleus=np.ascontiguousarray(sprite.nucleus[cut] & cell),
        middle=middle,
        radius=float(np.sqrt(np.count_nonzero(cell) / np.pi)) * microns_per_pixel,
        reach=float(np.hypot(*points.T).max()) + microns_per_pixel,
        outline=points[::thin],
    )


def _largest(mask: Mask) -> Mask:
    """The largest connected part: a cell is one piece."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count <= 2:
        return mask
    largest: Mask = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return largest
