"""A path → what there is to review: a count, a table, crops, fields or a slide."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.io.image_file import ImageError
from marrowscope.io.image_inspection import image_size
from marrowscope.io.list_file import LIST_SUFFIXES
from marrowscope.review.sources.cell_table_source import read_table_source
from marrowscope.review.sources.report_folder import is_report_folder, read_report_folder
from marrowscope.review.sources.smear_record import CROPS, FIELDS, SLIDE, SmearRecord
from marrowscope.slides.source_kind import SourceKind, identify_source

_LARGEST_CROP = 512  # px; a field of a camera has more on its longer side
_LOOKED_AT = 5  # images of a folder


@dataclass(frozen=True)
class Uncounted:
    """A source whose cells are still to be found or classified.

    Attributes:
        name: for people.
        kind: ``slide``, ``fields`` or ``crops``.
        path: of it.
        content: digest by which it is known when it is opened again.
    """

    name: str
    kind: str
    path: Path
    content: str


def choose_source(path: Path) -> tuple[SmearRecord | Uncounted, ...]:
    """What a path is, read as far as that goes at once.

    Args:
        path: report folder of a count, cell table, folder of crops or of fields, or slide.

    Raises:
        InputError: it is none of these, or cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_dir() and is_report_folder(path):
        return (read_report_folder(path),)
    if path.is_file() and path.suffix.lower() in {".parquet", *LIST_SUFFIXES}:
        return read_table_source(path)
    name = path.absolute().name if path.is_dir() else path.stem
    if path.is_dir() and holds_crops(path):
        return (Uncounted(name, CROPS, path.absolute(), _digest(path)),)
    kind = FIELDS if identify_source(path).kind is SourceKind.FIELD_IMAGES else SLIDE
    return (Uncounted(name, kind, path.absolute(), _digest(path)),)


def holds_crops(folder: Path) -> bool:
    """Whether the images of a folder, or of the folders in it, are of single cells."""
    own = _sizes(folder)
    if own:
        return max(own) <= _LARGEST_CROP
    inner = [size for one in sorted(folder.iterdir()) if one.is_dir() for size in _sizes(one)]
    return bool(inner) and max(inner) <= _LARGEST_CROP


def _sizes(folder: Path) -> list[int]:
    """Longer sides of the first images in a folder."""
    found: list[int] = []
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        try:
            found.append(max(image_size(path)))
        except (ImageError, OSError):
            continue
        if len(found) == _LOOKED_AT:
            break
    return found


def _digest(path: Path) -> str:
    """Of names, sizes and times of the files of a source; their content may be gigabytes."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    digest = hashlib.sha256()
    for one in files:
        state = os.stat(one)
        told = one.relative_to(path).as_posix() if one != path else one.name
        line = f"{told}\0{state.st_size}\0{state.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
