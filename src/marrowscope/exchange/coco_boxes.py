"""Boxes from a COCO file: ``images``, ``annotations`` with ``bbox``, ``categories``.

``bbox`` is ``[x, y, width, height]`` in px from the top left corner of the picture. Outlines
(``segmentation``) are not read; the box stands for the cell. Format: Lin et al., Microsoft COCO
(2014), https://cocodataset.org/#format-data.
"""

import json
import math
from pathlib import Path
from typing import Any

from marrowscope.dataset.split_names import split_name
from marrowscope.errors import InputError
from marrowscope.exchange.boxes import Box, BoxSet, faulty, find_picture, read_text


def is_coco(content: Any) -> bool:
    """Whether parsed JSON has the parts of a COCO file."""
    return isinstance(content, dict) and {"images", "annotations"} <= set(content)


def read_coco(path: Path, root: Path | None = None, content: Any = None) -> BoxSet:
    """Read the boxes of one COCO file.

    Args:
        path: of the file.
        root: folder of the pictures; by default they are looked for beside the file, in ``images``,
            and in the folder around, also under the name of the split.
        content: of the file, where it is parsed already.

    Raises:
        InputError: the file is not a COCO file.
    """
    if content is None:
        content = _parsed(path)
    if not is_coco(content) or not all(
        isinstance(content.get(part, []), list) for part in ("images", "annotations", "categories")
    ):
        raise InputError(
            f"{path}: is not a COCO file; expected lists images, annotations, categories"
        )
    split = _split(path)
    bases = [root] if root is not None else _bases(path)
    pictures, sizes, notes, lost = _pictures(content["images"], bases, path)
    names = {
        entry["id"]: str(entry.get("name", entry["id"]))
        for entry in content.get("categories", [])
        if isinstance(entry, dict) and isinstance(entry.get("id"), int | str)
    }
    boxes, outlines = [], 0
    for number, entry in enumerate(content["annotations"], 1):
        place = f"annotation {number} of {path.name}"
        if not isinstance(entry, dict):
            boxes.append(faulty(str(path), place, "is no annotation"))
            continue
        outlines += bool(entry.get("segmentation"))
        boxes.append(_box(entry, place, path, pictures, lost, names, split))
    if outlines:
        notes.append(f"{path.name}: {outlines} outlines (segmentation) not read; the box is taken")
    return BoxSet("COCO", tuple(boxes), sizes, tuple(pictures.values()), tuple(notes))


def _parsed(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: cannot be read as JSON ({reason})") from None


def _split(path: Path) -> str | None:
    """From ``instances_train2017.json``, ``train.json`` or ``train/_annotations.coco.json``."""
    words = [path.stem.rsplit("_", 1)[-1].rstrip("0123456789"), path.stem, path.parent.name]
    return next((found for word in words if (found := split_name(word))), None)


def _bases(path: Path) -> list[Path]:
    folder = path.parent
    around, tail = folder / "..", path.stem.rsplit("_", 1)[-1]
    return [
        folder,
        folder / "images",
        around,
        around / "images",
        around / tail,
        around / "images" / tail,
        folder / tail,
    ]


def _pictures(
    entries: list[Any], bases: list[Path], path: Path
) -> tuple[dict[Any, str], dict[str, tuple[int, int]], list[str], dict[Any, str]]:
    """Paths by image id, stated sizes by path, notes, and why an image id has no path."""
    pictures: dict[Any, str] = {}
    sizes: dict[str, tuple[int, int]] = {}
    lost: dict[Any, str] = {}
    twice = 0
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), int | str):
            continue
        key, name = entry["id"], entry.get("file_name")
        if key in pictures or key in lost:
            twice += 1
            continue
        found = find_picture(bases, name) if isinstance(name, str) else None
        if found is None:
            lost[key] = f"file_name {name!r} leads out of the folder; give a name inside of it"
            continue
        pictures[key] = str(found)
        width, height = entry.get("width"), entry.get("height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            sizes[str(found)] = (width, height)
    notes = [f"{path.name}: {twice} image ids are listed twice; the first is used"] if twice else []
    return pictures, sizes, notes, lost


def _box(
    entry: dict[str, Any],
    place: str,
    path: Path,
    pictures: dict[Any, str],
    lost: dict[Any, str],
    names: dict[Any, str],
    split: str | None,
) -> Box:
    category = entry.get("category_id")
    name = names.get(category) if isinstance(category, int | str) else None
    image = entry.get("image_id")
    if not isinstance(image, int | str) or image not in pictures:
        known = isinstance(image, int | str) and image in lost
        why = lost[image] if known else f"unknown image: image_id {image!r} is not in the file"
        return faulty(str(path), place, why, name)
    picture, fault = pictures[image], None
    corner = entry.get("bbox")
    if not (
        isinstance(corner, list)
        and len(corner) == 4
        and all(isinstance(v, int | float) and math.isfinite(v) for v in corner)
    ):
        return faulty(picture, place, "bbox is not four numbers", name)
    x, y, width, height = map(float, corner)
    if name is None:
        fault = f"unknown class: category_id {category!r} is not in the file"
    elif entry.get("iscrowd"):
        fault = "a group of objects (iscrowd), not one cell"
    return Box(picture, x, y, x + width, y + height, name, place, fault, split=split)
