"""PlacedObjects that lie on the glass and what room they leave to others."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from marrowscope.phantom.cell_library import CellLibrary, LibrarySprite

# What lies on top: a higher rank is drawn later.
RED_RANK, PLATELET_RANK, PACKED_RANK, CELL_RANK = range(4)

_NEAREST = 0.72  # of the sum of reaches: nearer than that two cells overlap, whatever their form
_BIN = 0.4  # µm, width of the strips by which the contact of two outlines is found


@dataclass(frozen=True, slots=True)
class PlacedObject:
    """One placed object; ``rank`` and ``order`` say what lies on top, ``cluster`` who touches."""

    name: str
    number: int
    turn: int
    x: float
    y: float
    reach: float
    shade: float
    rank: int
    order: float
    cluster: int


@dataclass
class OccupiedArea:
    """Circles that keep others away: x, y, reach in µm."""

    circles: NDArray[np.float64] = field(default_factory=lambda: np.zeros((256, 3)))
    objects: list["PlacedObject | None"] = field(default_factory=list)
    count: int = 0

    def add(self, x: float, y: float, reach: float, placed: "PlacedObject | None" = None) -> None:
        """Remember one more circle, and whose it is."""
        self.objects.append(placed)
        if self.count == len(self.circles):
            self.circles = np.concatenate([self.circles, np.zeros_like(self.circles)])
        self.circles[self.count] = x, y, reach
        self.count += 1

    def has_room(self, x: float, y: float, reach: float, factor: float, gap: float) -> bool:
        """Whether a circle keeps at least ``factor`` times the sum of radii, plus ``gap``."""
        known = self.circles[: self.count]
        away = (known[:, 0] - x) ** 2 + (known[:, 1] - y) ** 2
        least = factor * (known[:, 2] + reach) + gap
        return not bool((away < least * least).any())

    def keeps_clear(self, placed: "PlacedObject", gap: float, library: CellLibrary) -> bool:
        """Whether the outline of an object keeps ``gap`` µm from those of all others."""
        known = self.circles[: self.count]
        across, down = placed.x - known[:, 0], placed.y - known[:, 1]
        away = np.hypot(across, down)
        for index in np.flatnonzero(away < known[:, 2] + placed.reach + gap).tolist():
            other = self.objects[index]
            if other is None or away[index] < _NEAREST * (other.reach + placed.reach):
                return False
            first = library.sprite(other.name, other.number, other.turn)
            second = library.sprite(placed.name, placed.number, placed.turn)
            angle = float(np.arctan2(down[index], across[index]))
            if away[index] < contact_distance(first, second, angle) + gap:
                return False
        return True


def contact_distance(first: LibrarySprite, second: LibrarySprite, angle: float) -> float:
    """Distance of the middles in µm at which two outlines just touch, second at ``angle``."""
    along = np.array([np.cos(angle), np.sin(angle)], np.float32)
    across = np.array([-along[1], along[0]], np.float32)
    bins = int(2 * (first.reach + second.reach) / _BIN) + 2
    front, back = np.full(bins, -np.inf), np.full(bins, -np.inf)
    for extent, sprite, sign in ((front, first, 1), (back, second, -1)):
        strip = (sprite.outline @ across / _BIN).astype(np.int64) + bins // 2
        np.maximum.at(extent, strip, sign * (sprite.outline @ along))
    return max(float((front + back).max()), 0.0)
