"""The count of one smear: contour, plan, fields in their order, cells, classes, until enough."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import polars as pl

from marrowscope.counting import count_warnings
from marrowscope.counting.field_classification import (
    excluded_object_types,
)
from marrowscope.counting.field_result import analyse_field
from marrowscope.counting.running_count import RunningCount
from marrowscope.counting.smear_count import SlideOverview, SmearCount
from marrowscope.counting.smear_sources import SmearSource
from marrowscope.detection.detector import require_visible_cells
from marrowscope.detection.object_types import DEBRIS, NAKED, SMUDGE
from marrowscope.detection.ordered_map import map_in_order
from marrowscope.differential.count_roles import CellRole
from marrowscope.differential.differential_count import differential
from marrowscope.differential.held_out_answers import HeldOutCounts
from marrowscope.errors import InputError
from marrowscope.inference.calibrated_engine import NOVEL
from marrowscope.inference.engine import Engine
from marrowscope.models.card import Card
from marrowscope.models.novelty import Novelty
from marrowscope.progress import Advance
from marrowscope.slides.slide import CorruptTile, Slide
from marrowscope.smear.contour import smear_contour
from marrowscope.smear.field_plan import (
    DEFAULT_CELLS,
    FieldPlan,
    FieldQueue,
    plan_field_images,
    plan_fields,
)
from marrowscope.smear.quality_map import blood_phrase
from marrowscope.smear.suitability import map_smear_quality

# Why cells are left out, as readers are told.
BORDER, UNFIT = "cut by the border of its field", "where cells cannot be judged"
NON_CELL_REASONS = {
    NAKED: "naked nuclei",
    SMUDGE: "smudged cells",
    DEBRIS: "stain precipitate or debris",
}


@dataclass(frozen=True)
class CountSettings:
    """How a count is made.

    Attributes:
        cells: countable cells with which it ends.
        min_confidence: below it a cell is not classified.
        held_out: answers for the correction; None without one.
        held_out_source: where they come from.
        pixel_size_stated: whether the user said it, and not the file.
        remarks: of the user, put before all others.
        workers: threads that read fields and find cells; None = one per core. The count is the
            same for any number.
        seed: of the bootstrap.
        novelty: by which cells unlike anything that the model knows are told and counted apart;
            None: they are not.
    """

    cells: int = DEFAULT_CELLS
    min_confidence: float | None = None
    held_out: HeldOutCounts | None = None
    held_out_source: str | None = None
    pixel_size_stated: bool = False
    remarks: tuple[str, ...] = ()
    workers: int | None = None
    seed: int = 0
    novelty: Novelty | None = None


def count_smear(
    smear: SmearSource,
    engine: Engine,
    card: Card,
    settings: CountSettings | None = None,
    stage: Callable[[str], Advance] | None = None,
    engine_remark: str | None = None,
) -> SmearCount:
    """Count the cells of a smear.

    On a slide the fields of its plan are looked at, in their order; of field images all are, in
    the order of their names. The count ends with the first field with which there are enough
    countable cells. Only the pictures that a report shows are kept, so that memory does not grow
    with the slide.

    Args:
        smear: what is counted.
        engine: of the classifier.
        card: of the classifier.
        settings: how.
        stage: progress; called with what is being done, gives ``advance(done, total=...)``.
        engine_remark: what is to be said of the choice of the engine.

    Raises:
        InputError: no smear, no place where cells can be judged, no nucleated cell, none that is
            countable, or a setting out of range.
    """
    settings = settings if settings is not None else CountSettings()
    validate_settings(settings)
    began = time.perf_counter()
    slide, workers = smear.slide, settings.workers or os.cpu_count() or 1
    require_visible_cells(slide.microns_per_pixel)
    plan, overview = _plan(slide, settings.cells, workers, stage)
    before = slide.corrupt
    queue = FieldQueue(plan, settings.cells)
    quality_map = None if overview is None else overview.quality_map
    non_cells = excluded_object_types(card.known)
    running = RunningCount(
        slide, engine, settings.min_confidence, quality_map, non_cells, settings.novelty
    )
    advance = stage("counting cells") if stage is not None else None
    with ThreadPoolExecutor(workers) as pool:
        for result in map_in_order(pool, partial(analyse_field, slide), queue, workers):
            countable = running.add_field(result)
            queue.record_count(result.detections.field, countable)
            if advance is not None:
                advance(countable, total=settings.cells)
            if queue.enough:
                break
    table = pl.concat(running.frames)
    totals = count_warnings.FieldTotals(
        len(queue.used),
        len(plan.fields),
        queue.cells,
        settings.cells,
        running.refused,
        running.doubtful,
        running.red_cells_per_nucleated,
        running.unreadable,
    )
    _require_countable(smear, table, totals)
    corrupt = before + _met(slide, before, queue)
    return SmearCount(
        name=smear.name,
        sources=smear.sources,
        microns_per_pixel=slide.microns_per_pixel,
        cells=table,
        thumbnails=running.thumbnails.kept(),
        differential=differential(
            _flagged(table, non_cells),
            settings.held_out,
            card.known,
            settings.min_confidence,
            (BORDER, UNFIT, *(NON_CELL_REASONS[kind] for kind in non_cells)),
            settings.cells,
            seed=settings.seed,
            source=smear.sources[0],
            novel=None if settings.novelty is None else NOVEL,
        ),
        fields=tuple(running.fields),
        planned=len(plan.fields),
        overview=overview,
        corrupt=corrupt,
        card=card,
        engine=engine.name,
        held_out_source=settings.held_out_source,
        remarks=(
            *settings.remarks,
            *((slide.remark,) if slide.remark else ()),
            *slide.reading_remarks,
            *count_warnings.field_warnings(totals, quality_map),
            *count_warnings.confidence_warnings(
                table.filter(pl.col("role") != CellRole.LEFT_OUT)["confidence"], settings.held_out
            ),
            *count_warnings.novelty_warnings(table, settings.novelty),
            *count_warnings.damage_warnings(len(corrupt), bool(slide.fields)),
            *count_warnings.pixel_size_warnings(
                slide.microns_per_pixel, settings.pixel_size_stated
            ),
            *count_warnings.classifier_warnings(
                card, engine.classes, engine_remark, settings.novelty
            ),
        ),
        seconds=time.perf_counter() - began,
        not_counted=tuple(running.not_counted),
    )


def validate_settings(settings: CountSettings) -> None:
    """Refuse settings that make no sense.

    Raises:
        InputError: with the option's name.
    """
    if settings.cells < 1:
        raise InputError(f"`cells` is {settings.cells}; expected 1 or more")
    share = settings.min_confidence
    if share is not None and not 0 <= share <= 1:
        raise InputError(f"`min_confidence` is {share}; expected 0 to 1")


def _plan(
    slide: Slide, cells: int, workers: int, stage: Callable[[str], Advance] | None
) -> tuple[FieldPlan, SlideOverview | None]:
    if slide.fields:
        return plan_field_images(slide), None
    advance = stage("finding the smear") if stage is not None else None
    contour = smear_contour(slide)
    if advance is not None:
        advance(1, total=2)
    quality_map = map_smear_quality(slide, contour, workers)
    plan = plan_fields(slide, quality_map, cells)
    if advance is not None:
        advance(1, total=2)
    return plan, SlideOverview(contour, quality_map, plan)


def _require_countable(
    smear: SmearSource, table: pl.DataFrame, totals: count_warnings.FieldTotals
) -> None:
    """Refuse a count without a countable cell: no share of anything could be given."""
    if totals.countable:
        return
    source = smear.sources[0]
    if smear.slide.fields and len(smear.slide.corrupt) >= totals.planned:
        raise InputError(f"{source}: no field can be read ({smear.slide.corrupt[0].reason})")
    refused = sum(totals.refused.values())
    if not table.height and refused == totals.looked_at:
        raise InputError(
            f"{source}: no cells can be judged, {count_warnings.describe_reasons(totals.refused)}"
        )
    if not table.height and refused + totals.unreadable == totals.looked_at:
        raise InputError(
            f"{source}: of {totals.looked_at} fields {totals.unreadable} could not be read "
            f"({smear.slide.corrupt[0].reason}), in {refused} no cells can be judged "
            f"({count_warnings.describe_reasons(totals.refused)})"
        )
    fields = f"{totals.looked_at} field" + ("" if totals.looked_at == 1 else "s")
    blood = blood_phrase(totals.red_cells_per_nucleated)
    if not table.height:
        raise InputError(
            f"{source}: no nucleated cell in {fields}"
            + (f" ({blood})" if blood else "; is it a stained smear, and is the pixel size right?")
        )
    roles = dict(table["role"].value_counts(sort=True).rows())
    found = ", ".join(f"{number} {role}" for role, number in roles.items())
    raise InputError(
        f"{source}: none of {table.height} located cells in {fields} is countable ({found})"
    )


def _flagged(table: pl.DataFrame, non_cells: tuple[str, ...]) -> pl.DataFrame:
    """With a column for each reason for which cells are left out; each cell has one at most."""
    border, judgeable = pl.col("touches_border"), pl.col("judgeable")
    return table.with_columns(
        border.alias(BORDER),
        (~border & ~judgeable).alias(UNFIT),
        *(
            (~border & judgeable & (pl.col("kind") == kind)).alias(NON_CELL_REASONS[kind])
            for kind in non_cells
        ),
    ).drop("touches_border", "judgeable")


def _met(
    slide: Slide, before: tuple[CorruptTile, ...], queue: FieldQueue
) -> tuple[CorruptTile, ...]:
    """Damage in the fields that are used; workers that were ahead may have met more."""
    known, fields = set(before), queue.used

    def used(tile: CorruptTile) -> bool:
        return any(
            tile.x < one.x + one.width
            and one.x < tile.x + tile.width
            and tile.y < one.y + one.height
            and one.y < tile.y + tile.height
            for one in fields
        )

    return tuple(tile for tile in slide.corrupt if tile not in known and used(tile))
