"""Looked-at fields of a smear go in, one by one; what has been counted so far comes out."""

import math
from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from marrowscope.cell_pixels import crop_from_field
from marrowscope.cells import PROBABILITY
from marrowscope.counting.field_classification import (
    add_predictions,
    classify_cells,
)
from marrowscope.counting.field_result import REJECTED_FIELDS, FieldResult
from marrowscope.counting.smear_count import CountedField
from marrowscope.counting.thumbnails import Thumbnails
from marrowscope.detection.field_detection import (
    SeamDeduplicator,
    detection_columns,
    mark_rejected_regions,
)
from marrowscope.differential.count_roles import CellRole
from marrowscope.inference.calibrated_engine import NOVEL, NOVELTY
from marrowscope.inference.engine import Engine
from marrowscope.models.novelty import Novelty
from marrowscope.slides.slide import Slide
from marrowscope.smear.quality_map import QualityMap, RejectionReason


@dataclass
class RunningCount:
    """What has been counted so far; fields are added one by one, in their order."""

    slide: Slide
    engine: Engine
    min_confidence: float | None
    quality_map: QualityMap | None
    non_cells: tuple[str, ...]
    novelty: Novelty | None = None
    fields: list[CountedField] = field(default_factory=list)
    refused: Counter[RejectionReason] = field(default_factory=Counter)
    doubtful: Counter[RejectionReason] = field(default_factory=Counter)
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    not_counted: list[tuple[str, str]] = field(default_factory=list)
    unreadable: int = 0
    red_cells: float = 0.0
    nucleated: float = 0.0

    def __post_init__(self) -> None:
        self._deduplicator = SeamDeduplicator(self.slide.microns_per_pixel)
        # The columns are there even when no cell is.
        answers = dict.fromkeys((PROBABILITY + code for code in self.engine.classes), pl.Float32())
        said = {"predicted": pl.String(), "confidence": pl.Float32()}
        scored = {} if self.novelty is None else {NOVELTY: pl.Float32(), NOVEL: pl.Boolean()}
        columns = {**detection_columns(), **answers, **said, **scored, "role": pl.String()}
        self.frames = [pl.DataFrame(schema=columns)]

    def add_field(self, result: FieldResult) -> int:
        """Classify the cells of the next field; how many of them are countable."""
        detections, microns = result.detections, self.slide.microns_per_pixel
        if result.unreadable:
            self.unreadable += 1
            self.not_counted.append((detections.field.name, "could not be read"))
            return 0  # the list of damage says why
        if result.reason in REJECTED_FIELDS:
            self.refused[result.reason] += 1
            self.not_counted.append((detections.field.name, result.reason.description))
            return 0
        if result.reason != RejectionReason.ACCEPTED:
            self.doubtful[result.reason] += 1
        if math.isfinite(result.red_cells):
            self.red_cells += result.red_cells
            self.nucleated += result.nucleated
        detections = self._deduplicator.drop_known(detections)
        values = classify_cells(detections, microns, self.engine)
        cells = mark_rejected_regions(detections.cells, self.quality_map)
        cells = add_predictions(
            cells,
            values,
            self.engine.classes,
            self.min_confidence,
            self.non_cells,
            self.novelty,
        )
        self.frames.append(cells)
        for (cell, shelf, rank, role), (x, y) in zip(
            _shelves(cells).rows(), detections.places.tolist(), strict=True
        ):
            if role != CellRole.LEFT_OUT and self.thumbnails.wanted(shelf, rank):
                self.thumbnails.offer(
                    shelf, rank, cell, crop_from_field(detections.pixels, x, y, microns)
                )
        countable = int((cells["role"] == CellRole.COUNTED).sum())
        place = detections.field
        x, y = (0, 0) if self.slide.fields else (place.x, place.y)
        self.fields.append(
            CountedField(
                len(self.fields),
                place.name,
                x,
                y,
                place.width,
                place.height,
                cells.height,
                countable,
                result.picture,
            )
        )
        return countable

    @property
    def red_cells_per_nucleated(self) -> float:
        """Red cells to one nucleated one in field images; nan where they were not seen."""
        return self.red_cells / self.nucleated if self.nucleated else float("nan")


def _shelves(cells: pl.DataFrame) -> pl.DataFrame:
    """Which pictures compete with that of a cell, and by what: of its class by confidence, of cells
    unlike anything known by how unlike they are."""
    shelf, rank = pl.col("predicted"), pl.col("confidence")
    if NOVEL in cells.columns:
        novel = pl.col(NOVEL).fill_null(False)
        shelf = pl.when(novel).then(pl.lit(NOVEL)).otherwise(shelf)
        rank = pl.when(novel).then(pl.col(NOVELTY)).otherwise(rank)
    return cells.select("cell_id", shelf.alias("shelf"), rank.alias("rank"), "role")
