"""Boxes from a YOLO folder: a text file per picture, a line per box, names in ``data.yaml``.

A line is ``class cx cy width height``, shares of the picture between 0 and 1; a sixth number is a
confidence and is not read; more numbers are an outline, of which the bounding box is taken. Labels
lie beside their picture, or in ``labels`` where the picture lies in ``images``, as Ultralytics
has it. Names come from ``data.yaml``, ``classes.txt`` or ``obj.names``.
"""

import math
import os
from pathlib import Path
from typing import Any

import yaml

from marrowscope.dataset.split_names import split_name
from marrowscope.errors import InputError
from marrowscope.exchange.boxes import Box, BoxSet, faulty, read_text
from marrowscope.io.image_file import SUFFIXES

NAME_FILES = (
    "data.yaml",
    "data.yml",
    "dataset.yaml",
    "classes.txt",
    "obj.names",
    "_darknet.labels",
)
_PARTS = ("train", "val", "test")


def name_file(folder: Path) -> Path | None:
    """The file of a YOLO folder that names its classes; None where there is none."""
    places = [folder, folder / "labels"]
    return next(
        (place / name for place in places for name in NAME_FILES if (place / name).is_file()), None
    )


def read_yolo(folder: Path, root: Path | None = None) -> BoxSet:
    """Read the boxes of a YOLO folder.

    Args:
        folder: with pictures and labels below.
        root: folder of the pictures, where they do not lie below ``folder``.

    Raises:
        InputError: no picture or no label file is there, or the names cannot be read.
    """
    named = name_file(folder)
    content = _yaml(named) if named is not None and named.suffix in (".yaml", ".yml") else {}
    names = _names(named, content)
    images = _files(root or folder, SUFFIXES)
    texts = [
        path
        for path in _files(folder, (".txt",))
        if path.name not in NAME_FILES and not _is_list(path, folder)
    ]
    if not images or not texts:
        what = "picture" if not images else "label file (.txt)"
        raise InputError(f"{folder}: holds no {what}; name the folder above images and labels")
    splits = _splits(folder, content)
    by_label = {_label_path(image, folder, root): image for image in images}
    notes = [] if names else [f"{folder}: no data.yaml or classes.txt; classes keep their numbers"]
    boxes: list[Box] = []
    for text in texts:
        image = by_label.get(text)
        split = _split_of(image or text, folder, splits)
        place = str(text.relative_to(folder))
        if image is None:
            boxes.append(faulty(str(text), place, "unknown image: no picture of this name"))
            continue
        lines = read_text(text).decode("utf-8", "replace").splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip():
                boxes.append(_box(line, str(image), f"line {number} of {place}", names, split))
    pictures = tuple(str(image) for image in images)
    empty = sum(not path.is_file() for path in by_label)
    if empty:
        notes.append(f"{folder}: {empty} pictures have no label file; they hold no cell")
    return BoxSet("YOLO", tuple(boxes), {}, pictures, tuple(notes))


def _box(line: str, picture: str, place: str, names: dict[int, str], split: str | None) -> Box:
    words = line.split()
    try:
        number, values = int(float(words[0])), [float(word) for word in words[1:]]
    except (ValueError, OverflowError):
        return faulty(picture, place, f"is no box: {line.strip()[:40]!r}")
    name = names.get(number) if names else str(number)
    outline = len(values) >= 6 and len(values) % 2 == 0
    if not all(map(math.isfinite, values)) or not (len(values) in (4, 5) or outline):
        fault = f"{len(values)} numbers behind the class; expected 4"
        return faulty(picture, place, fault, name)
    if outline:
        x0, x1 = min(values[::2]), max(values[::2])
        y0, y1 = min(values[1::2]), max(values[1::2])
    else:
        (x, y), (width, height) = values[:2], values[2:4]
        x0, y0, x1, y1 = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    unknown = f"unknown class: there is no name for class {number}"
    problem = unknown if name is None else None
    note = "outline replaced by its box" if outline else None
    return Box(picture, x0, y0, x1, y1, name, place, problem, note, split, relative=True)


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files below a folder in the order of their names; hidden ones are passed over."""
    found = []
    for top, folders, files in os.walk(os.path.abspath(folder)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(top, name)
            for name in sorted(files)
            if name.lower().endswith(suffixes) and not name.startswith(".")
        ]
    return found


def _label_path(image: Path, folder: Path, root: Path | None) -> Path:
    """Where the labels of a picture are: the last ``images`` of its path becomes ``labels``."""
    top = Path(os.path.abspath(folder))
    if root is not None:
        inner = image.relative_to(os.path.abspath(root)).with_suffix(".txt")
        below = top / "labels" / inner
        return below if below.is_file() else top / inner
    beside = image.with_suffix(".txt")
    parts = list(image.relative_to(top).parts)
    if "images" in parts[:-1]:
        place = len(parts) - 2 - parts[:-1][::-1].index("images")
        parts[place] = "labels"
        other = top.joinpath(*parts).with_suffix(".txt")
        return beside if beside.is_file() and not other.is_file() else other
    other = top / "labels" / image.relative_to(top).with_suffix(".txt")
    return other if other.is_file() and not beside.is_file() else beside


def _is_list(path: Path, folder: Path) -> bool:
    """Whether a text is a list of pictures (``train.txt``) or a note, not labels."""
    return path.parent == Path(os.path.abspath(folder)) and (
        split_name(path.stem) is not None or path.stem.lower().startswith("readme")
    )


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: cannot be read as YAML ({reason})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected names, train and val, as YOLO writes them")
    return content


def _names(path: Path | None, content: dict[str, Any]) -> dict[int, str]:
    if path is None:
        return {}
    if path.suffix not in (".yaml", ".yml"):
        lines = read_text(path).decode("utf-8", "replace").splitlines()
        return {number: line.strip() for number, line in enumerate(lines) if line.strip()}
    names = content.get("names")
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, dict):
        try:
            return {int(number): str(name) for number, name in names.items()}
        except (TypeError, ValueError):
            pass
    raise InputError(f"{path}: 'names' is neither a list nor a mapping of numbers to names")


def _splits(folder: Path, content: dict[str, Any]) -> dict[str, str]:
    """Split by path, of folders and of pictures, as far as ``data.yaml`` says it by lists."""
    found: dict[str, str] = {}
    top = os.path.abspath(folder)
    for part in _PARTS:
        given = content.get(part)
        for entry in given if isinstance(given, list) else [given]:
            if not isinstance(entry, str):
                continue
            path = os.path.abspath(os.path.join(top, entry))
            if os.path.commonpath([top, path]) != top or path == top:
                continue
            if path.endswith(".txt") and os.path.isfile(path):
                lines = read_text(Path(path)).decode("utf-8", "replace").splitlines()
                found |= {
                    os.path.abspath(os.path.join(top, line.strip())): part
                    for line in lines
                    if line.strip()
                }
            else:
                found[path] = part
    return found


def _split_of(path: Path, folder: Path, splits: dict[str, str]) -> str | None:
    for place in (path, *path.parents):
        if str(place) in splits:
            return splits[str(place)]
    inner = path.relative_to(os.path.abspath(folder)).parts if _below(path, folder) else ()
    return next((found for part in inner[:-1] if (found := split_name(part))), None)


def _below(path: Path, folder: Path) -> bool:
    top = os.path.abspath(folder)
    return os.path.commonpath([top, path]) == top
