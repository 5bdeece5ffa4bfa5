"""Which format a file or folder of boxes has, and its boxes."""

import json
from pathlib import Path
from typing import Any

from marrowscope.errors import InputError
from marrowscope.exchange.boxes import BoxSet, joined, read_text
from marrowscope.exchange.coco_boxes import is_coco, read_coco
from marrowscope.exchange.geojson_reader import is_geojson, parse, read_geojson
from marrowscope.exchange.voc_boxes import read_voc
from marrowscope.exchange.yolo_boxes import NAME_FILES, name_file, read_yolo

_EXPECTED = (
    "expected COCO (.json), a YOLO folder (data.yaml or classes.txt), VOC (.xml or a folder of "
    "them), or GeoJSON (.geojson, .geojson.gz)"
)


def read_boxes(path: Path, root: Path | None = None) -> BoxSet:
    """Read boxes in any of the formats.

    Args:
        path: COCO file, YOLO folder, VOC file or folder, GeoJSON file or folder of them.
        root: folder of the pictures, where they do not lie beside.

    Raises:
        InputError: nothing that is known is there, several formats are, or a file is damaged.
    """
    found = _read(Path(path), root)
    if not found.boxes:
        raise InputError(f"{path}: holds no box ({found.format})")
    return found


def _read(path: Path, root: Path | None) -> BoxSet:
    if root is not None and not root.is_dir():
        raise InputError(f"{root}: no such folder")
    if path.is_dir():
        return _folder(path, root)
    if is_geojson(path):
        return read_geojson(path, root)
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return read_voc(path, root)
    if suffix == ".json":
        return _json(path, root)
    if path.name in NAME_FILES or suffix in (".yaml", ".yml"):
        return read_yolo(path.parent, root)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    raise InputError(f"{path}: not a known format of boxes; {_EXPECTED}")


def _json(path: Path, root: Path | None) -> BoxSet:
    content = parse(path)
    if is_coco(content):
        return read_coco(path, root, content)
    return read_geojson(path, root, content)


def _folder(path: Path, root: Path | None) -> BoxSet:
    geojson = [one for one in sorted(path.rglob("*")) if is_geojson(one) and one.is_file()]
    coco = [one for one in sorted(path.rglob("*.json")) if _looks_like_coco(one)]
    has_xml = next(path.rglob("*.xml"), None) is not None
    there = {
        "YOLO": name_file(path) is not None,
        "VOC": has_xml,
        "COCO": bool(coco),
        "GeoJSON": bool(geojson),
    }
    formats = [name for name, present in there.items() if present]
    if len(formats) > 1:
        raise InputError(f"{path}: holds {' and '.join(formats)}; name one file or folder of them")
    if not formats:
        if (path / "labels").is_dir():
            return read_yolo(path, root)
        raise InputError(f"{path}: holds no boxes; {_EXPECTED}")
    if formats == ["YOLO"]:
        return read_yolo(path, root)
    if formats == ["VOC"]:
        return read_voc(path, root)
    if formats == ["COCO"]:
        return joined([read_coco(one, root) for one in coco])
    return joined([read_geojson(one, root) for one in geojson])


def _looks_like_coco(path: Path) -> bool:
    """Other JSON, such as that of a report, may lie in a folder; it is none of our business."""
    try:
        content: Any = json.loads(read_text(path))
    except (InputError, ValueError, RecursionError):
        return False
    return is_coco(content)
