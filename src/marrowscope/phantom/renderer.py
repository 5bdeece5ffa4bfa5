"""From a background and placed objects to pixels of any window.

The plane is cut into blocks of 96 µm. A block is filled with regard to its neighbours of a lower
colour (blocks are coloured 2 × 2, so that two of one colour never meet), which makes its content
a function of seed and position alone, in whatever order windows are drawn.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.phantom.background import Background, SmoothNoise, Window
from marrowscope.phantom.camera import ImagingStyle, transmitted_planes
from marrowscope.phantom.canvas import AZURE, EOSIN
from marrowscope.phantom.cell_library import CellLibrary, LibrarySprite
from marrowscope.phantom.occupancy import CELL_RANK, PACKED_RANK, PlacedObject
from marrowscope.phantom.placement import PlacementPlan, place_objects
from marrowscope.phantom.shapes import Field, Mask

BLOCK = 96.0  # µm
_FARTHEST = 24.0  # µm from the middle of an object to its stain, at most
_SHARPEST, _BLURS = 0.05, (0.45, 1.0)  # µm: defocus not worth drawing, and steps of it


class ObjectSource(Protocol):
    """Where placed objects come from."""

    def near(self, box: tuple[float, float, float, float]) -> list[PlacedObject]:
        """All objects with their middle in a box (x0, y0, x1, y1) in µm."""


@dataclass(frozen=True)
class FixedObjects:
    """Things placed at once, as for a single field."""

    objects: list[PlacedObject]

    def near(self, box: tuple[float, float, float, float]) -> list[PlacedObject]:
        """See ``ObjectSource``."""
        return [t for t in self.objects if box[0] <= t.x <= box[2] and box[1] <= t.y <= box[3]]


def _colour(column: int, row: int) -> int:
    return column % 2 + 2 * (row % 2)


class BlockwiseObjects:
    """Things of an unlimited plane, placed block by block when asked for."""

    def __init__(
        self,
        seed: int,
        background: Background,
        plan: PlacementPlan,
        library: CellLibrary,
        remembered: int = 4000,
    ) -> None:
        self._remembered = remembered
        self._seed, self._background, self._plan, self._library = seed, background, plan, library
        self._known: OrderedDict[tuple[int, int], list[PlacedObject]] = OrderedDict()

    def near(self, box: tuple[float, float, float, float]) -> list[PlacedObject]:
        """See ``ObjectSource``."""
        # A cluster may reach out of its block by less than half a block.
        columns = range(
            int(np.floor(box[0] / BLOCK - 0.5)), int(np.floor(box[2] / BLOCK + 0.5)) + 1
        )
        rows = range(int(np.floor(box[1] / BLOCK - 0.5)), int(np.floor(box[3] / BLOCK + 0.5)) + 1)
        return [
            placed
            for row in rows
            for column in columns
            for placed in self.block(column, row)
            if box[0] <= placed.x < box[2] and box[1] <= placed.y < box[3]
        ]

    def block(self, column: int, row: int) -> list[PlacedObject]:
        """Things of one block."""
        key = (column, row)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        colour = _colour(column, row)
        neighbours = [
            placed
            for down in (-1, 0, 1)
            for across in (-1, 0, 1)
            if _colour(column + across, row + down) < colour
            for placed in self.block(column + across, row + down)
        ]
        box = (column * BLOCK, row * BLOCK, (column + 1) * BLOCK, (row + 1) * BLOCK)
        objects: list[PlacedObject] = []
        if max(self._background.maximum(name, box) for name in ("cells", "red", "particle")) > 0:
            words = [self._seed, column + 2**31, row + 2**31, 0xB10C]
            rng = np.random.Generator(np.random.PCG64(words))
            objects = place_objects(
                box, neighbours, self._background, self._plan, self._library, rng, BLOCK / 2 - 1
            )
        self._known[key] = objects
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return objects


@dataclass(frozen=True)
class RenderedLayers:
    """Concentrations of a window and, when asked for, what is where.

    Attributes:
        layers: (3, H, W) float32.
        objects: cells in the window that have a truth, in the order of their labels.
        labels: (H, W) uint16, 0 or 1 + index in ``objects``; what lies on top counts.
        nucleus: (H, W) bool.
    """

    layers: Field
    objects: list[PlacedObject]
    labels: NDArray[np.uint16]
    nucleus: Mask


class SceneRenderer:
    """Background, objects, stock of cells and camera together."""

    def __init__(
        self, seed: int, background: Background, source: ObjectSource, library: CellLibrary
    ) -> None:
        self.background, self.source, self.library = background, source, library
        self.seed = seed
        self._film_noise = [SmoothNoise(seed, name) for name in range(3)]

    def corner(self, placed: PlacedObject, sprite: LibrarySprite) -> tuple[int, int]:
        """Left and top px of an object's sprite on the plane."""
        mpp = self.library.microns_per_pixel
        return (
            round(placed.x / mpp - sprite.middle[0]),
            round(placed.y / mpp - sprite.middle[1]),
        )

    def draw(self, window: Window, truth: bool = True) -> RenderedLayers:
        """Compose a window."""
        mpp = self.library.microns_per_pixel
        layers = self._film(window)
        far = _FARTHEST
        box = (
            window.x * mpp - far,
            window.y * mpp - far,
            (window.x + window.width) * mpp + far,
            (window.y + window.height) * mpp + far,
        )
        objects = sorted(self.source.near(box), key=lambda placed: (placed.rank, placed.order))
        shape = (window.height, window.width) if truth else (0, 0)
        labels, nucleus = np.zeros(shape, np.uint16), np.zeros(shape, bool)
        seen: list[PlacedObject] = []
        stroma = False
        for placed in objects:
            if placed.rank > PACKED_RANK and not stroma:
                self._particles(layers, window)
                stroma = True
            sprite = self.library.sprite(placed.name, placed.number, placed.turn)
            cut = self._cut(placed, sprite, window)
            if cut is None:
                continue
            there, own = cut
            below = layers[:, there[0], there[1]]
            below *= sprite.keep[own]
            below += sprite.layers[:, own[0], own[1]] * np.float32(placed.shade)
            if truth and placed.rank == CELL_RANK and sprite.cell[own].any():
                seen.append(placed)
                inside = sprite.cell[own]
                labels[there][inside] = len(seen)
                nucleus[there][inside] = sprite.nucleus[own][inside]
        if not stroma:
            self._particles(layers, window)
        self._holes(layers, window)
        stain = self.background.sample("stain", window, mpp)
        if not isinstance(stain, float) or stain != 1.0:
            layers *= stain
        return RenderedLayers(layers, seen, labels, nucleus)

    def _cut(
        self, placed: PlacedObject, sprite: LibrarySprite, window: Window
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
        left, top = self.corner(placed, sprite)
        left, top = left - window.x, top - window.y
        height, width = sprite.keep.shape
        x0, x1 = max(left, 0), min(left + width, window.width)
        y0, y1 = max(top, 0), min(top + height, window.height)
        if x0 >= x1 or y0 >= y1:
            return None
        return (slice(y0, y1), slice(x0, x1)), (
            slice(y0 - top, y1 - top),
            slice(x0 - left, x1 - left),
        )

    def _film(self, window: Window) -> Field:
        layers = np.zeros((3, window.height, window.width), np.float32)
        film = self.background.sample("film", window, self.library.microns_per_pixel)
        if isinstance(film, float) and film == 0:
            return layers
        noise = self._film_noise[0].sample(5.0, window, self.library.microns_per_pixel)
        noise *= 0.5
        noise += 1.0
        noise *= film
        np.maximum(noise, 0, out=noise)
        np.multiply(noise, np.float32(0.7), out=layers[AZURE])
        np.multiply(noise, np.float32(0.5), out=layers[EOSIN])
        return layers

    def _particles(self, layers: Field, window: Window) -> None:
        """Stroma of marrow particles: dense, cloudy, violet."""
        mpp = self.library.microns_per_pixel
        particle = self.background.sample("particle", window, mpp)
        if isinstance(particle, float) and particle == 0:
            return
        coarse = self._film_noise[1].sample(9.0, window, mpp)
        fine = self._film_noise[2].sample(1.6, window, mpp)
        mass: Field = np.clip(particle * (1 + 0.3 * coarse + 0.18 * fine), 0, None)
        layers[AZURE] += 0.42 * mass
        layers[EOSIN] += 0.55 * mass

    def _holes(self, layers: Field, window: Window) -> None:
        """Fat leaves round, empty holes with a thin rim."""
        mpp = self.library.microns_per_pixel
        for x, y, radius in self.background.holes.tolist():
            reach = radius * 1.2 + 2
            x0 = max(int((x - reach) / mpp) - window.x, 0)
            x1 = min(int((x + reach) / mpp) - window.x, window.width)
            y0 = max(int((y - reach) / mpp) - window.y, 0)
            y1 = min(int((y + reach) / mpp) - window.y, window.height)
            if x0 >= x1 or y0 >= y1:
                continue
            across = (np.arange(x0, x1, dtype=np.float32) + (window.x + 0.5)) * mpp - x
            down = (np.arange(y0, y1, dtype=np.float32) + (window.y + 0.5)) * mpp - y
            part = Window(window.x + x0, window.y + y0, x1 - x0, y1 - y0)
            wave = self._film_noise[1].sample(12.0, part, mpp)
            depth = radius - np.hypot(across[None, :], down[:, None]) + 0.05 * radius * wave
            inside = np.clip(depth / 0.5 + 0.5, 0, 1)
            below = layers[:, y0:y1, x0:x1]
            below *= 1 - 0.985 * inside
            rim = np.exp(-((depth + 0.6) ** 2) * np.float32(1 / 0.5))
            below[EOSIN] += 0.10 * rim
            below[AZURE] += 0.10 * rim


def render_image(
    drawn: RenderedLayers,
    window: Window,
    background: Background,
    style: ImagingStyle,
    microns_per_pixel: float,
    noise: Field,
    light: Field | float = 1.0,
) -> NDArray[np.uint8]:
    """Concentrations to (H, W, 3) uint8 RGB.

    Args:
        drawn: composed window.
        window: where it lies.
        background: for the defocus.
        style: stain and light; its gradient is not used.
        microns_per_pixel: pixel size.
        noise: (3, H, W) standard normal.
        light: factor on the light, (H, W) or a number.
    """
    planes = transmitted_planes(drawn.layers, style)
    sharp = style.blur / microns_per_pixel
    defocus = background.sample("defocus", window, microns_per_pixel)
    worst = defocus if isinstance(defocus, float) else float(defocus.max())
    for plane in planes:
        if worst > _SHARPEST:
            plane[...] = _defocused(plane, defocus, style.blur, microns_per_pixel)
        elif sharp > 0.2:
            plane[...] = _blurred(plane, sharp)
        plane *= light
    pixels = np.empty((window.height, window.width, 3), np.uint8)
    for channel, plane in enumerate(planes):
        grain = plane * np.float32(0.85 / 255)
        grain += np.float32(0.15)
        np.sqrt(grain, out=grain)
        grain *= noise[channel]
        grain *= np.float32(style.noise)
        plane += grain
        np.rint(plane, out=plane)
        pixels[..., channel] = np.clip(plane, 0, 255, out=plane)
    return pixels


def _blurred(plane: Field, sigma: float) -> Field:
    side = 2 * int(np.ceil(3 * sigma)) + 1
    blurred: Field = cv2.GaussianBlur(plane, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
    return blurred


def _defocused(
    plane: Field, defocus: Field | float, blur: float, microns_per_pixel: float
) -> Field:
    """Blur that varies over the plane: between the nearest two of three strengths."""
    steps = (0.0, *_BLURS)
    images = [
        _blurred(plane, max(float(np.hypot(blur, step)) / microns_per_pixel, 0.2)) for step in steps
    ]
    place = np.interp(defocus, steps, range(len(steps))).astype(np.float32)
    mixed = np.zeros_like(plane)
    for index, image in enumerate(images):
        mixed += image * np.maximum(1 - np.abs(place - index), 0)
    return mixed
