"""Stain on glass: sprites with stain concentrations, laid onto a canvas.

Layers are always azure (haematoxylin-like), eosin, pigment; a concentration is the optical
density (natural log) along the unit vector of that stain, so that layers add up where things lie
on top of one another. A canvas may be of any size: a patch of one cell, or a field.
"""

from dataclasses import dataclass

import numpy as np

from marrowscope.phantom.shapes import Field, Mask

AZURE, EOSIN, PIGMENT = range(3)

# A cell pushes aside most of what lies where it lies: this share of what is below disappears.
_DISPLACED = 0.85


@dataclass(frozen=True)
class Sprite:
    """One drawn object in a window of its own.

    Attributes:
        layers: (3, h, w) float32 concentrations.
        cover: (h, w) float32 in [0, 1], where the object lies.
        nucleus: (h, w) bool, its nucleus; all False where it has none.
        radius: rough radius in µm, for placing others around it.
    """

    layers: Field
    cover: Field
    nucleus: Mask
    radius: float


@dataclass(frozen=True)
class PlacedMasks:
    """Masks (H, W) bool of a sprite on the canvas, cut at its border."""

    cell: Mask
    nucleus: Mask


class Canvas:
    """Concentrations (3, height, width) float32 that sprites are laid onto."""

    def __init__(self, height: int, width: int, microns_per_pixel: float) -> None:
        self.layers: Field = np.zeros((3, height, width), np.float32)
        self.microns_per_pixel = microns_per_pixel

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) px."""
        return self.layers.shape[1], self.layers.shape[2]

    def lay(self, sprite: Sprite, x: float, y: float) -> PlacedMasks:
        """Lay a sprite with its middle at (x, y) px; it may stick out. Returns its masks."""
        height, width = sprite.cover.shape
        left, top = round(x - width / 2), round(y - height / 2)
        rows = slice(max(top, 0), max(min(top + height, self.shape[0]), 0))
        columns = slice(max(left, 0), max(min(left + width, self.shape[1]), 0))
        placed = PlacedMasks(np.zeros(self.shape, bool), np.zeros(self.shape, bool))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return placed
        own = (
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )
        cover = sprite.cover[own]
        below = self.layers[:, rows, columns]
        below *= 1.0 - _DISPLACED * cover
        below += sprite.layers[:, own[0], own[1]]
        placed.cell[rows, columns] = cover > 0.5
        placed.nucleus[rows, columns] = sprite.nucleus[own] & (cover > 0.5)
        return placed
