"""From a slide or fields to a cell table: where to look, detection, crops."""

import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from marrowscope.cell_pixels import crop_from_field
from marrowscope.cells import SCHEMA
from marrowscope.detection.field_detection import (
    FieldDetections,
    SeamDeduplicator,
    detect_in_field,
    detection_columns,
    mark_rejected_regions,
)
from marrowscope.detection.ordered_map import map_in_order
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.io.image_encoding import encode_png
from marrowscope.progress import Advance
from marrowscope.slides.slide import CorruptTile, Slide
from marrowscope.smear.contour import smear_contour
from marrowscope.smear.field_plan import (
    FieldQueue,
    PlannedField,
    plan_field_images,
    plan_fields,
)
from marrowscope.smear.suitability import map_smear_quality

_WORKERS = os.cpu_count() or 1
CROP_NAME = re.compile(r"[0-9a-f]{12}-\d{4,}\.png")  # a cell's id


@dataclass(frozen=True)
class DetectionResult:
    """What was found in one slide or set of fields.

    Attributes:
        cells: cell table with the columns of ``detect`` beside; ``x``, ``y`` in px of level 0, for
            field images in px of the field; ``judgeable`` is false in a particle or a clot, and in
            a square of a slide where cells cannot be judged.
        fields: fields that were looked at.
        corrupt: pieces that could not be read and were left out.
        remark: on the light, where that of the smear is not that of the glass beside it.
    """

    cells: pl.DataFrame
    fields: int
    corrupt: tuple[CorruptTile, ...]
    remark: str | None = None


def detect_cells(
    slide: Slide,
    enough: int | None = None,
    crops: Path | None = None,
    advance: Advance | None = None,
) -> DetectionResult:
    """Find the nucleated cells of a source.

    Of field images all are looked at. Of a whole slide the fields of its plan are, in their order,
    until there are enough cells.

    Args:
        slide: the source.
        enough: cells after which no further field is looked at; None = all fields.
        crops: folder for the 250×250 px crops, PNG; ``path`` then names them. None = no crops, and
            ``path`` names the source.
        advance: progress over fields.

    Raises:
        InputError: no smear or nothing that can be judged on a slide, a pixel size with which
            cells cannot be seen, or the crops cannot be written.
    """
    quality_map = None if slide.fields else map_smear_quality(slide, smear_contour(slide), _WORKERS)
    plan = plan_field_images(slide) if quality_map is None else plan_fields(slide, quality_map)
    queue = FieldQueue(plan, enough if enough is not None else 2**62)
    frames = [pl.DataFrame(schema=_columns())]

    deduplicator = SeamDeduplicator(slide.microns_per_pixel)

    def detect_and_encode(field: PlannedField) -> tuple[FieldDetections, dict[str, bytes]]:
        detections = detect_in_field(slide, field)
        images = _encoded(detections, slide.microns_per_pixel) if crops is not None else {}
        return replace(
            detections, pixels=detections.pixels[:0]
        ), images  # crops are all that is needed

    with ThreadPoolExecutor(_WORKERS) as pool:
        for detections, images in map_in_order(pool, detect_and_encode, queue, _WORKERS):
            cells = deduplicator.drop_known(detections).cells
            cells = mark_rejected_regions(cells, quality_map)
            queue.record_count(detections.field, cells.height)
            frames.append(_rows(slide, cells, crops, images))
            if advance is not None:
                advance(1, total=len(plan.fields))
            if queue.enough:
                break
    remark = None if quality_map is None else quality_map.light_phrase()
    return DetectionResult(pl.concat(frames), len(queue.used), slide.corrupt, remark)


def _rows(
    slide: Slide, cells: pl.DataFrame, crops: Path | None, images: Mapping[str, bytes]
) -> pl.DataFrame:
    """Cells of one field with what a cell table needs beside; their crops are written."""
    paths = [slide.name] * cells.height
    if crops is not None:
        paths = [str(crops / f"{name}.png") for name in cells["cell_id"]]
        for path, name in zip(paths, cells["cell_id"], strict=True):
            with replacing(Path(path)) as temporary:
                temporary.write_bytes(images[name])
    return cells.with_columns(
        path=pl.Series(paths, dtype=pl.String),
        # A crop has the standard pixel size already: what is said here is the crop's.
        microns_per_pixel=pl.lit(
            None if crops is not None else slide.microns_per_pixel, dtype=pl.Float64
        ),
    ).select(*_columns())


def _encoded(detections: FieldDetections, microns: float) -> dict[str, bytes]:
    return {
        name: encode_png(crop_from_field(detections.pixels, x, y, microns))
        for name, (x, y) in zip(
            detections.cells["cell_id"], detections.places.tolist(), strict=True
        )
    }


def _columns() -> dict[str, pl.DataType]:
    found = detection_columns()
    first = {"cell_id": found.pop("cell_id"), "path": SCHEMA["path"]}
    return {**first, **found, "microns_per_pixel": SCHEMA["microns_per_pixel"]}


def require_distinct_ids(slides: Iterable[Slide]) -> None:
    """Refuse sources whose cells would have the same ids, and their crops the same names.

    Args:
        slides: of which nothing is read.

    Raises:
        InputError: two slides of one file name, or two folders of one name with a field of one
            name.
    """
    owners: dict[tuple[str, str], tuple[int, str]] = {}
    for number, slide in enumerate(slides):
        name = Path(slide.name).name
        for field in [field.name for field in slide.fields] or [""]:
            first, other = owners.setdefault((name, field), (number, slide.name))
            if first != number:
                raise InputError(
                    f"{slide.name}: its cells would have the same ids as those of {other}; "
                    "rename one, or detect in each by itself"
                )


def require_cells(collected: DetectionResult, name: str) -> None:
    """Refuse an empty result.

    Raises:
        InputError: no cell was found.
    """
    if not collected.cells.height:
        raise InputError(
            f"{name}: no nucleated cell in {collected.fields} "
            f"{'field' if collected.fields == 1 else 'fields'}; is it a stained smear, and "
            "is the pixel size right?"
        )
