"""GeoJSON of QuPath read as boxes: outlines, boxes and points with their classes.

Read is what QuPath has written since 0.2: ``objectType``, ``object_type`` or the type as ``id``;
the class as an object with ``name`` or ``names``, or as a plain name; a FeatureCollection, a list
of features, or one; children inside of objects. A file does not say of which picture it is: that is
taken from our own note in it, else from the name of the file.
"""

import gzip
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marrowscope.errors import InputError
from marrowscope.exchange.boxes import MAX_TEXT, Box, BoxSet, faulty, find_picture, read_text
from marrowscope.io.image_file import SUFFIXES

SUFFIX = (".geojson", ".geojson.gz")
METADATA_KEY = "marrowscope"  # name of our note in a FeatureCollection
_SLIDES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide", ".czi", ".dcm")
_TYPES_BY_ID = {
    "PathDetectionObject": "detection",
    "PathAnnotationObject": "annotation",
    "PathCellObject": "cell",
    "PathTileObject": "tile",
    "TMACoreObject": "tmaCore",
    "PathRootObject": "root",
}
_DETECTION_TYPES = ("detection", "cell", "tile")
_NON_CELL_TYPES = {"root", "tmaCore", "tma_core"}
Point = tuple[float, float]


def is_geojson(path: Path) -> bool:
    """Whether the name says so."""
    return path.name.lower().endswith(SUFFIX)


def stem(path: Path) -> str:
    """Name without ``.geojson`` or ``.geojson.gz``."""
    lower = path.name.lower()
    suffix = next((one for one in (SUFFIX[1], SUFFIX[0], ".json") if lower.endswith(one)), "")
    return path.name[: len(path.name) - len(suffix)]


def read_geojson(path: Path, root: Path | None = None, content: Any = None) -> BoxSet:
    """Read the objects of one file; each is a box with a centre.

    The centre of an outline is that of its area, holes not counted; a MultiPolygon is one object;
    of several points (a QuPath points annotation) each is one.

    Args:
        path: ``.geojson`` or ``.geojson.gz``.
        root: folder of the picture; by default that of the file, and the one around it.
        content: of the file, where it is parsed already.

    Raises:
        InputError: the file is no GeoJSON.
    """
    if content is None:
        content = parse(path)
    features = list(_features(content, path))
    own = content.get(METADATA_KEY) if isinstance(content, dict) else None
    own = own if isinstance(own, dict) else {}
    picture = _picture(path, root, own)
    microns = own.get("microns_per_pixel")
    microns = float(microns) if isinstance(microns, int | float) and microns > 0 else None
    types = [_type(feature) for feature in features]
    some_found = any(kind in _DETECTION_TYPES for kind in types)
    boxes: list[Box] = []
    left: Counter[str] = Counter()
    for number, (feature, kind) in enumerate(zip(features, types, strict=True), 1):
        name = _class_name(feature)
        if kind in _NON_CELL_TYPES:
            left[f"of type {kind}"] += 1
        elif name is not None and name.endswith("*"):
            left[f"of class {name}, which QuPath leaves aside"] += 1
        elif kind == "annotation" and name is None and some_found:
            left["regions: annotations without a class beside detections"] += 1
        else:
            place = f"object {number} of {path.name}"
            boxes += _boxes(feature, picture, name, place, microns)
    notes = [f"{path.name}: left out {count} objects {why}" for why, count in left.items()]
    return BoxSet("GeoJSON", tuple(boxes), {}, (picture,), tuple(notes))


def parse(path: Path) -> Any:
    """The JSON of a file, unpacked where its name ends in ``.gz``.

    Raises:
        InputError: it cannot be read, is larger than 512 MB unpacked, or is no JSON.
    """
    try:
        if path.name.lower().endswith(".gz"):
            read_text(path)  # says what is wrong with the file itself
            with gzip.open(path) as stream:
                data = stream.read(MAX_TEXT + 1)
            if len(data) > MAX_TEXT:
                raise InputError(f"{path}: more than {MAX_TEXT // 10**6} MB unpacked")
        else:
            data = read_text(path)
        return json.loads(data)
    except InputError:
        raise
    except (ValueError, RecursionError, OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: cannot be read as GeoJSON ({reason})") from None


def _features(content: Any, path: Path) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        content = content.get("features")
    elif isinstance(content, dict) and content.get("type") == "Feature":
        content = [content]
    elif isinstance(content, dict) and {"type", "coordinates"} <= set(content):
        content = [{"type": "Feature", "geometry": content}]
    if not isinstance(content, list):
        raise InputError(
            f"{path}: is not GeoJSON; expected a FeatureCollection or a list of features"
        )
    for feature in content:
        yield from _with_children(feature)


def _with_children(feature: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(feature, dict):
        yield {}
        return
    yield feature
    properties = _properties(feature)
    for key in ("childObjects", "children"):
        children = properties.get(key)
        for child in children if isinstance(children, list) else ():
            yield from _with_children(child)


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    return properties if isinstance(properties, dict) else {}


def _type(feature: dict[str, Any]) -> str:
    properties = _properties(feature)
    for key in ("objectType", "object_type", "type"):
        given = properties.get(key)
        if isinstance(given, str):
            return _TYPES_BY_ID.get(given, given)
    return _TYPES_BY_ID.get(str(feature.get("id")), "annotation")


def _class_name(feature: dict[str, Any]) -> str | None:
    given = _properties(feature).get("classification")
    if isinstance(given, dict):
        names = given.get("names")
        name = given.get("name")
        if not isinstance(name, str) and isinstance(names, list):
            name = ": ".join(str(part) for part in names)
        given = name
    return given.strip() or None if isinstance(given, str) else None


def _boxes(
    feature: dict[str, Any], picture: str, name: str | None, place: str, microns: float | None
) -> list[Box]:
    metadata = _properties(feature).get("metadata")
    cell = metadata.get("cell_id") if isinstance(metadata, dict) else None
    cell = cell if isinstance(cell, str) and cell else None
    given_id = feature.get("id")
    known = given_id if isinstance(given_id, str) else None
    geometry = feature.get("geometry")
    shape = geometry.get("type") if isinstance(geometry, dict) else None
    try:
        if isinstance(geometry, dict) and shape in ("Point", "MultiPoint"):
            given = geometry["coordinates"]
            points = _places([given] if shape == "Point" else given)
            cell = cell if len(points) == 1 else None
            return [
                Box(
                    picture,
                    x,
                    y,
                    x,
                    y,
                    name,
                    place,
                    centre=(x, y),
                    cell_id=cell,
                    microns_per_pixel=microns,
                    object_id=known,
                )
                for x, y in points
            ]
        if isinstance(geometry, dict) and shape in ("Polygon", "MultiPolygon"):
            given = geometry["coordinates"]
            polygons = [
                [_places(ring) for ring in part]
                for part in ([given] if shape == "Polygon" else given)
            ]
            x0, y0, x1, y1 = _bounds(polygons)
            return [
                Box(
                    picture,
                    x0,
                    y0,
                    x1,
                    y1,
                    name,
                    place,
                    centre=_centroid(polygons),
                    cell_id=cell,
                    microns_per_pixel=microns,
                    object_id=known,
                )
            ]
    except (TypeError, ValueError, KeyError, IndexError):
        return [faulty(picture, place, f"{shape} with wrong coordinates", name)]
    return [faulty(picture, place, f"{shape or 'no geometry'}, not an outline or a point", name)]


def _places(ring: Any) -> list[Point]:
    places = [(float(x), float(y)) for x, y, *_ in ring]
    if not all(math.isfinite(value) for place in places for value in place):
        raise ValueError("not finite")
    return places


def _bounds(polygons: list[list[list[Point]]]) -> tuple[float, float, float, float]:
    xs, ys = zip(*(place for polygon in polygons for place in polygon[0]), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _centroid(polygons: list[list[list[Point]]]) -> Point | None:
    """Centre of the area: outer rings less their holes. None where there is no area."""
    area = x = y = 0.0
    for polygon in polygons:
        for number, ring in enumerate(polygon):
            part, at_x, at_y = _moments(ring)
            sign = 1.0 if number == 0 else -1.0
            area, x, y = area + sign * part, x + sign * at_x, y + sign * at_y
    return (x / area, y / area) if area > 1e-9 else None


def _moments(ring: list[Point]) -> tuple[float, float, float]:
    """Area of a ring, and its first moments, whatever its direction (the shoelace formula)."""
    from_x, from_y = ring[0]  # near the ring, so that places far out on a slide stay exact
    local = [(x - from_x, y - from_y) for x, y in ring]
    twice = x = y = 0.0
    for (x0, y0), (x1, y1) in zip(local, [*local[1:], local[0]], strict=True):
        cross = x0 * y1 - x1 * y0
        twice, x, y = twice + cross, x + (x0 + x1) * cross, y + (y0 + y1) * cross
    area, x, y = twice / 2, x / 6, y / 6
    if area < 0:
        area, x, y = -area, -x, -y
    return area, x + area * from_x, y + area * from_y


def _picture(path: Path, root: Path | None, own: dict[str, Any]) -> str:
    """The picture that a file is of; where none is found, the name that it should have."""
    bases = [root] if root is not None else [path.parent, path.parent / ".."]
    named = own.get("picture")
    names = [named] if isinstance(named, str) else []
    names += [stem(path), *(stem(path) + suffix for suffix in (*SUFFIXES, *_SLIDES))]
    for name in names:
        found = find_picture(bases, name)
        if found is not None and found.is_file():
            return str(found)
    return str(find_picture(bases[:1], names[0]) or path)
