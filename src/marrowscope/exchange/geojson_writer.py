"""Located cells written as GeoJSON for QuPath: a box or outline each, class, colour, measurements.

The form is that of QuPath since 0.4, read by all later versions: ``objectType``, ``classification``
with ``name`` and ``color``, ``measurements`` by name, ``metadata`` as text. Coordinates are px of
level 0 from the corner of the first pixel. The English names of the 21 classes stand for their
codes; the id of an object follows from ``cell_id``, which also stands in its metadata, so that
labels given in QuPath find their cells again.
"""

import gzip
import json
import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import ArrayLike

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.cells import PROBABILITY, probability_codes
from marrowscope.errors import InputError
from marrowscope.exchange.class_colours import class_colour
from marrowscope.exchange.geojson_reader import METADATA_KEY, is_geojson
from marrowscope.io.atomic import replacing
from marrowscope.io.image_file import SUFFIXES
from marrowscope.morphology import BY_CODE, CountRole

OBJECT_TYPES = ("detection", "annotation")
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "marrowscope:cell")
# Beside confidence and probabilities; names as QuPath shows them.
_MEASURES = {
    "confidence": "confidence",
    "novelty": "novelty",
    "nuclear_area": "nuclear area µm^2",
    "score": "score",
    "intact": "intact",
}
_METADATA = ("cell_id", "field_id", "kind", "role", "annotator")
_CLASS_COLUMNS = ("predicted", "label")
# Roles of a count.
_LEFT_OUT, _NOT_CLASSIFIED, _NOVEL = "left out", "not classified", "novel"


def to_geojson(
    cells: pl.DataFrame,
    picture: str | None = None,
    object_type: str = "detection",
    classes_from: str | None = None,
    points: bool = False,
    outlines: Mapping[str, ArrayLike] | None = None,
) -> dict[str, Any]:
    """The cells of one picture as a GeoJSON FeatureCollection.

    A cell that a count left out, did not classify for its low confidence, or found unlike anything
    that the model knows, has no class, so that QuPath's numbers by class are those of the count.

    Args:
        cells: cell table with ``x``, ``y`` in px of level 0; boxes where ``x0`` … ``y1`` are there.
        picture: file name of the picture, kept in the file so that it is found on reading.
        object_type: ``detection``, or ``annotation``, which can be changed by hand in QuPath.
        classes_from: column with the class; by default ``predicted``, else ``label``.
        points: write centres instead of boxes.
        outlines: (K, 2) x and y of the outline by ``cell_id``, instead of the box.

    Returns:
        Plain data for ``json.dump``.

    Raises:
        InputError: the cells have no places, or an argument is none of those that are known.
    """
    if object_type not in OBJECT_TYPES:
        raise InputError(f"`object_type` is {object_type!r}; expected {' or '.join(OBJECT_TYPES)}")
    missing = [name for name in ("cell_id", "x", "y") if name not in cells.columns]
    if missing:
        raise InputError(
            f"the table has no column {missing[0]}; GeoJSON needs cells with a place in a picture, "
            "as detect, count and 'marrowscope index --boxes' make them"
        )
    column = classes_from or next((name for name in _CLASS_COLUMNS if name in cells.columns), None)
    if column is not None and column not in cells.columns:
        raise InputError(f"the table has no column {column} for `classes_from`")
    codes = probability_codes(cells)
    placed = cells.filter(pl.col("x").is_not_null() & pl.col("y").is_not_null())
    features = [
        _feature(row, column, codes, object_type, points, (outlines or {}).get(row["cell_id"]))
        for row in placed.iter_rows(named=True)
    ]
    sizes = (
        cells["microns_per_pixel"].drop_nulls().unique().to_list()
        if "microns_per_pixel" in cells.columns
        else []
    )
    own = {
        "version": __version__,
        "picture": picture,
        "microns_per_pixel": sizes[0] if len(sizes) == 1 else None,
        "cells_without_place": cells.height - placed.height,
        "use": RESEARCH_USE_ONLY,
    }
    return {"type": "FeatureCollection", METADATA_KEY: own, "features": features}


def write_geojson(collection: Mapping[str, Any], path: Path) -> None:
    """Write a FeatureCollection, packed where the name ends in ``.gz``, in one rename.

    Raises:
        InputError: it cannot be written.
    """
    data = json.dumps(collection, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    if path.name.lower().endswith(".gz"):
        data = gzip.compress(data, compresslevel=6, mtime=0)  # the same cells, the same bytes
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def by_picture(cells: pl.DataFrame, source: str) -> dict[str, pl.DataFrame]:
    """Cells by the file name of their picture: every field image, or the whole slide.

    Args:
        cells: of one source, with ``field_id``.
        source: its path, whose name is that of the picture unless the fields are images.
    """
    fields = cells["field_id"].drop_nulls().unique(maintain_order=True).to_list()
    if fields and all(name.lower().endswith(SUFFIXES) for name in fields):
        return {name: cells.filter(pl.col("field_id") == name) for name in fields}
    return {Path(source).name: cells}


def require_target(target: Path, pictures: int) -> None:
    """Refuse a place to which GeoJSON of so many pictures cannot be written, before the work.

    Raises:
        InputError: one file for several pictures, which QuPath could not tell apart; or a folder
            that holds something.
    """
    if is_geojson(target):
        if pictures > 1:
            raise InputError(
                f"`geojson` {target}: one file cannot hold {pictures} pictures; name a folder, and "
                "each picture gets its own file"
            )
        return
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"`geojson` {target}: is not an empty folder; choose another one")


def write_pictures(frames: Mapping[str, pl.DataFrame], target: Path) -> tuple[Path, ...]:
    """Write one file for each picture: ``target`` itself, or ``target/PICTURE.geojson``.

    Raises:
        InputError: as ``to_geojson`` and ``write_geojson``.
    """
    paths = []
    for name, cells in frames.items():
        path = target if is_geojson(target) else target / f"{name}.geojson"
        write_geojson(to_geojson(cells, name), path)
        paths.append(path)
    return tuple(paths)


def object_id(cell_id: str) -> str:
    """The UUID by which QuPath knows a cell; the same for the same ``cell_id``."""
    return str(uuid.uuid5(_IDS, cell_id))


def _feature(
    row: dict[str, Any],
    column: str | None,
    codes: list[str],
    object_type: str,
    points: bool,
    outline: ArrayLike | None,
) -> dict[str, Any]:
    properties: dict[str, Any] = {"objectType": object_type}
    code = row[column] if column is not None else None
    if code and not _is_undecided(code, row.get("role")):
        properties["classification"] = _classification(code)
    measured = {shown: row.get(name) for name, shown in _MEASURES.items()}
    measured |= {PROBABILITY + code: row[PROBABILITY + code] for code in codes}
    # QuPath's measurements are numbers, without a word for none.
    measurements = {
        name: round(float(value), 6)
        for name, value in measured.items()
        if value is not None and math.isfinite(value)
    }
    if measurements:
        properties["measurements"] = measurements
    properties["metadata"] = {name: str(row[name]) for name in _METADATA if row.get(name)}
    return {
        "type": "Feature",
        "id": object_id(str(row["cell_id"])),
        "geometry": _geometry(row, points, outline),
        "properties": properties,
    }


def _is_undecided(code: str, role: str | None) -> bool:
    if role == _NOT_CLASSIFIED:  # a class that is never counted is an answer all the same
        return code not in BY_CODE or BY_CODE[code].role is CountRole.COUNTED
    return role in (_LEFT_OUT, _NOVEL)


def _classification(code: str) -> dict[str, Any]:
    colour = class_colour(code)
    if colour is None:  # of a user's own scheme: QuPath gives it one
        return {"name": code}
    return {"name": BY_CODE[code].name, "color": list(colour)}


def _geometry(row: dict[str, Any], points: bool, outline: ArrayLike | None) -> dict[str, Any]:
    corners = [row.get(name) for name in ("x0", "y0", "x1", "y1")]
    if outline is not None and not points:
        import numpy as np

        places = np.asarray(outline, dtype=float)
        if places.ndim != 2 or places.shape[1] != 2 or len(places) < 3:
            raise InputError(
                f"the outline of {row['cell_id']} is not a list of at least three points"
            )
        ring = [[round(float(x), 2), round(float(y), 2)] for x, y in places]
        ring += [] if ring[0] == ring[-1] else [ring[0]]
        return {"type": "Polygon", "coordinates": [ring]}
    if points or any(corner is None for corner in corners):
        # A table counts from the centre of the first pixel, QuPath from its corner.
        place = [round(row["x"] + 0.5, 2), round(row["y"] + 0.5, 2)]
        return {"type": "Point", "coordinates": place}
    x0, y0, x1, y1 = (round(float(corner), 2) for corner in corners if corner is not None)
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    return {"type": "Polygon", "coordinates": [ring]}
