"""Detections of fields that touch go in, one after the other; each cell comes out once."""

import math
from dataclasses import replace

import numpy as np

from marrowscope.detection.field_detection import SEAM_MICRONS, FieldDetections
from marrowscope.smear.field_plan import PlannedField


class SeamDeduplicator:
    """Lets every cell of a slide pass once, at the first field that offers it.

    Only what lies near the edges of fields is remembered.
    """

    def __init__(self, microns_per_pixel: float) -> None:
        self._reach = 2 * SEAM_MICRONS / microns_per_pixel
        self._known: dict[tuple[int, int], list[tuple[float, float]]] = {}

    def drop_known(self, detections: FieldDetections) -> FieldDetections:
        """The same without the cells that an earlier field had; fields are shown in order."""
        if not detections.margin:
            return detections  # field images share no cells
        places = [(float(x), float(y)) for x, y in detections.cells.select("x", "y").rows()]
        fresh = np.array([not self._has(x, y) for x, y in places], dtype=bool)
        for (x, y), passes in zip(places, fresh, strict=True):
            if passes and self._near_edge(detections.field, x, y):
                self._known.setdefault(self._square(x, y), []).append((x, y))
        return replace(
            detections, cells=detections.cells.filter(fresh), places=detections.places[fresh]
        )

    def _square(self, x: float, y: float) -> tuple[int, int]:
        return math.floor(x / self._reach), math.floor(y / self._reach)

    def _has(self, x: float, y: float) -> bool:
        column, row = self._square(x, y)
        return any(
            math.hypot(x - other_x, y - other_y) < self._reach
            for across in (column - 1, column, column + 1)
            for down in (row - 1, row, row + 1)
            for other_x, other_y in self._known.get((across, down), ())
        )

    def _near_edge(self, field: PlannedField, x: float, y: float) -> bool:
        away = min(x - field.x, field.x + field.width - x, y - field.y, field.y + field.height - y)
        return away < 2 * self._reach
