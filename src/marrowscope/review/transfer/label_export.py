"""Reviewed cells → files of other steps and other tools."""

import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.exchange.geojson_writer import to_geojson
from marrowscope.morphology import BY_CODE, in_display_order

_CROP = 250  # px: box of a cell of which there is none
CSV, PARQUET, CORRECTIONS = "cells.csv", "cells.parquet", "corrections.csv"
GEOJSON, COCO, LABEL_STUDIO = "cells.geojson", "coco.json", "label-studio.json"


def export_labels(table: pl.DataFrame, form: str) -> tuple[bytes, str]:
    """Content and media type of a file.

    Args:
        table: of ``reviewed_cells``.
        form: one of ``FORMS``.
    """
    make, media_type = FORMS[form]
    return make(table.drop("row")), media_type


def _parquet(table: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    table.write_parquet(stream, compression="zstd", metadata={"use": RESEARCH_USE_ONLY})
    return stream.getvalue()


def _csv(table: pl.DataFrame) -> bytes:
    return table.write_csv().encode()


def _corrections(table: pl.DataFrame) -> bytes:
    """The list that ``index --relabel`` takes: cells with a label, before and after."""
    decided = table.filter(pl.col("label").is_not_null())
    listed = decided.select(
        "cell_id", "path", label="label_before", corrected="label", annotator="annotator",
        reading="reading", labelled_at="labelled_at", comment="comment",
    )  # fmt: skip
    return listed.write_csv().encode()


def _geojson(table: pl.DataFrame) -> bytes:
    """For QuPath: cells with their final class; what is no cell is not in it."""
    cells = table.filter(~pl.col("review").is_in(["no cell", "left out"]))
    pictures = cells["path"].drop_nulls().unique().to_list()
    name = os.path.basename(pictures[0]) if len(pictures) == 1 else None
    placed = cells.filter("in_field")
    return _json(to_geojson(placed, name, "annotation", "label"))


def _coco(table: pl.DataFrame) -> bytes:
    """COCO: pictures, categories, and a box for each cell that has a label and a place."""
    cells = table.filter(pl.col("label").is_not_null() & pl.col("in_field"))
    pictures = {
        path: place + 1 for place, path in enumerate(cells["path"].unique(maintain_order=True))
    }
    codes = in_display_order(set(cells["label"].to_list()))
    categories = {code: place + 1 for place, code in enumerate(codes)}
    annotations = []
    for number, row in enumerate(cells.iter_rows(named=True), 1):
        x0, y0, x1, y1 = _corners(row)
        annotations.append({
            "id": number, "image_id": pictures[row["path"]],
            "category_id": categories[row["label"]], "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0), "iscrowd": 0,
            "attributes": {name: row[name] for name in ("cell_id", "annotator", "reading",
                                                        "labelled_at", "comment")},
        })  # fmt: skip
    return _json({
        "info": {"description": f"marrowscope review. {RESEARCH_USE_ONLY}"},
        "images": [
            {"id": number, "file_name": os.path.basename(path)} for path, number in pictures.items()
        ],
        "categories": [
            {"id": number, "name": code, "supercategory": _lineage(code)}
            for code, number in categories.items()
        ],
        "annotations": annotations,
    })  # fmt: skip


def _label_studio(table: pl.DataFrame) -> bytes:
    """Label Studio tasks: one for each cell, with the label as a choice and the model's answer."""
    tasks = []
    for row in table.filter(pl.col("review") != "left out").iter_rows(named=True):
        task: dict[str, Any] = {
            "data": {
                "image": None if row["path"] is None else os.path.basename(row["path"]),
                "cell_id": row["cell_id"], "x": row["x"], "y": row["y"],
            },
            "annotations": [],
            "predictions": [],
        }  # fmt: skip
        if row["label"] is not None:
            task["annotations"].append({
                "result": [_choice(row["label"])],
                "completed_by": {"first_name": row["annotator"] or ""},
                "created_at": row["labelled_at"],
            })  # fmt: skip
        if row["predicted"] is not None:
            task["predictions"].append({
                "result": [_choice(row["predicted"])], "score": row["confidence"],
            })  # fmt: skip
        tasks.append(task)
    return _json(tasks)


def _choice(code: str) -> dict[str, Any]:
    return {
        "from_name": "class",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [code]},
    }


def _corners(row: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Corners in px, counted from the corner of the first pixel; places count from its middle."""
    if row["x0"] is not None:
        x0, y0, x1, y1 = (float(row[name]) for name in ("x0", "y0", "x1", "y1"))
        return x0, y0, x1, y1
    x, y = float(row["x"]) + 0.5, float(row["y"]) + 0.5
    return x - _CROP / 2, y - _CROP / 2, x + _CROP / 2, y + _CROP / 2


def _lineage(code: str) -> str:
    return BY_CODE[code].lineage.value if code in BY_CODE else "other"


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


FORMS: Mapping[str, tuple[Callable[[pl.DataFrame], bytes], str]] = {
    PARQUET: (_parquet, "application/vnd.apache.parquet"),
    CSV: (_csv, "text/csv; charset=utf-8"),
    CORRECTIONS: (_corrections, "text/csv; charset=utf-8"),
    GEOJSON: (_geojson, "application/geo+json"),
    COCO: (_coco, "application/json"),
    LABEL_STUDIO: (_label_studio, "application/json"),
}
