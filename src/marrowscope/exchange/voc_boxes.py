"""Boxes from Pascal VOC files: one XML per picture, ``bndbox`` with ``xmin`` to ``ymax``.

The development kit of VOC counts pixels from 1 and both corners belong to the box (Everingham et
al. 2010), so the box begins at ``xmin - 1`` and ends at ``xmax``. Tools that count from 0 are told
by a ``xmin`` or ``ymin`` of 0 anywhere in the folder, and a note says so.
"""

import math
import os
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from marrowscope.dataset.split_names import split_name
from marrowscope.errors import InputError
from marrowscope.exchange.boxes import Box, BoxSet, faulty, find_picture, read_text
from marrowscope.io.image_file import SUFFIXES

_MAX_XML = 20_000_000  # bytes; a picture with 10,000 boxes has 3 MB
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(path: Path, root: Path | None = None) -> BoxSet:
    """Read the boxes of one XML file or of all below a folder.

    Args:
        path: file or folder.
        root: folder of the pictures; by default they are looked for beside the XML file, and in
            ``JPEGImages`` or ``images`` beside its folder.

    Raises:
        InputError: there is no XML file, or the only one cannot be used. Of many, one that cannot
            be used is a row with its reason.
    """
    files = sorted(path.rglob("*.xml")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: holds no XML file")
    splits = _splits(path) if path.is_dir() else {}
    boxes: list[Box] = []
    sizes: dict[str, tuple[int, int]] = {}
    pictures: list[str] = []
    for file in files:
        try:
            tree = _tree(file)
        except InputError as error:
            if len(files) == 1:
                raise
            fault = str(error).removeprefix(f"{file}: ")
            boxes.append(faulty(str(file), file.name, fault))
            continue
        picture = _picture(tree, file, root)
        if picture is None:
            fault = "filename leads out of the folder; give a name inside of it"
            boxes.append(faulty(str(file), file.name, fault))
            continue
        pictures.append(str(picture))
        split = splits.get(file.stem) or split_name(file.parent.name)
        size = [_number(tree, f"size/{side}") for side in ("width", "height")]
        if all(side > 0 for side in size):
            sizes[str(picture)] = (round(size[0]), round(size[1]))
        for number, entry in enumerate(tree.iter("object"), 1):
            box = _box(entry, str(picture), f"object {number} of {file.name}")
            boxes.append(replace(box, split=split))
    boxes, notes = _from_zero_or_one(boxes)
    return BoxSet("VOC", tuple(boxes), sizes, tuple(pictures), notes)


def _tree(path: Path) -> Element:
    """The parsed file. Entities and document types are refused: they can blow up, or read files."""
    data = read_text(path)
    if len(data) > _MAX_XML:
        raise InputError(f"{path}: {len(data) / 1e6:.0f} MB; the limit is {_MAX_XML // 10**6} MB")
    builder = TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise InputError(f"{path}: has a DOCTYPE or entities, which are not read; remove them")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        tree = builder.close()
    except (expat.ExpatError, ValueError, AssertionError, LookupError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: cannot be read as XML ({reason})") from None
    if tree.tag != "annotation":
        raise InputError(f"{path}: is not a VOC file; its first element is not 'annotation'")
    return tree


def _picture(tree: Element, path: Path, root: Path | None) -> Path | None:
    folder = path.parent
    if root is None:
        around = [folder / ".." / name for name in ("JPEGImages", "images", "Images", ".")]
        bases = [folder, *around, folder / "images"]
    else:
        bases = [root]
    name = (tree.findtext("filename") or "").strip() or path.stem
    found = find_picture(bases, name)
    if found is None or found.is_file():
        return found
    # Names without their suffix, and pictures that were renamed together with their XML.
    for stem in (name, path.stem):
        for suffix in SUFFIXES:
            other = find_picture(bases, stem + suffix)
            if other is not None and other.is_file():
                return other
    return found


def _box(entry: Element, picture: str, place: str) -> Box:
    name = (entry.findtext("name") or "").strip() or None
    x0, y0, x1, y1 = (_number(entry, f"bndbox/{corner}") for corner in _CORNERS)
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        return faulty(picture, place, "bndbox is not four numbers", name)
    return Box(picture, x0, y0, x1, y1, name, place)


def _number(tree: Element, path: str) -> float:
    """The number of an element; nan where there is none."""
    try:
        return float((tree.findtext(path) or "").strip())
    except ValueError:
        return math.nan


def _from_zero_or_one(boxes: list[Box]) -> tuple[list[Box], tuple[str, ...]]:
    good = [box for box in boxes if box.fault is None]
    if any(min(box.x0, box.y0) == 0 for box in good):
        note = "VOC: counted from 0, for there are boxes that begin at 0; VOC itself counts from 1"
        return boxes, (note,)
    moved = [
        box if box.fault is not None else replace(box, x0=box.x0 - 1, y0=box.y0 - 1)
        for box in boxes
    ]
    return moved, ("VOC: counted from 1, both corners belong to the box",) if good else ()


def _splits(folder: Path) -> dict[str, str]:
    """Split by stem, from ``ImageSets/Main/train.txt`` and the like."""
    found: dict[str, str] = {}
    for part in sorted(folder.rglob("ImageSets/Main/*.txt")):
        split = split_name(part.stem)
        if split is not None:
            lines = read_text(part).decode("utf-8", "replace").splitlines()
            for line in lines:
                stem = os.path.splitext(line.split()[0])[0] if line.split() else ""
                found.setdefault(stem, split)
    return found
