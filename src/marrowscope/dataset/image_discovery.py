"""Folders and lists in the usual layouts → image files with their labels.

- the public release: ``CODE/CODE_00001.jpg`` or ``CODE/0001-1000/CODE_00001.jpg``
- flat class folders, and ``train/CODE/…``, ``test/CODE/…`` trees
- folders named by the full class name, in any case, word order, singular or plural
- a CSV list with a path column and, as far as known, label, split and ids
- single images

A folder whose name is none of the 21 classes, inside the folder that was named, is a class of the
user's own scheme: its images carry the name of the innermost such folder, unless a folder further
out is one of the 21.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl

from marrowscope.cells import SCHEMA
from marrowscope.errors import InputError
from marrowscope.io.image_decoding import MASK_SUFFIX, SUFFIXES
from marrowscope.morphology import BY_CODE, CLASSES

_RANGE_FOLDER = re.compile(r"\d+-\d+")
SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
PATH_COLUMNS = ("path", "image path", "image_path", "image", "file", "filename", "file name")
LABEL_COLUMNS = ("label", "class", "cell type", "cell_type")
_KEPT_COLUMNS = (
    "split",
    "fold",
    "patient_id",
    "slide_id",
    "field_id",
    "x",
    "y",
    "annotator",
    "microns_per_pixel",
)


@dataclass(frozen=True)
class FoundImage:
    """One file, with what its place or its list says of it."""

    path: str
    label: str | None = None
    columns: dict[str, str] = field(default_factory=dict)


def discover(paths: list[Path], root: Path | None = None) -> Iterator[FoundImage]:
    """Yield every image below ``paths`` in a stable order, each file once.

    Args:
        paths: folders, image files, or CSV lists.
        root: folder to which the paths in a CSV list are relative; default: the list's own.

    Raises:
        InputError: a path does not exist, or a list has no path column.
    """
    seen: dict[str, set[str | None]] = {}
    for path, split in zip(paths, _splits_of(paths), strict=True):
        for found in _below(Path(path), root, split):
            labels = seen.setdefault(found.path, set())
            # The same file under a second label comes again: index excludes what is contradictory.
            if not labels or (found.label is not None and found.label not in labels):
                labels.add(found.label)
                yield found


def resolve_class(name: str) -> str | None:
    """Class code for a folder or list name, or None when it is not one of the 21 classes.

    Codes and English names are understood in any case; underscores, hyphens, word order and a
    plural s do not matter.
    """
    code = name.strip().upper()
    return code if code in BY_CODE else _by_name().get(_words(name))


@cache
def _by_name() -> dict[tuple[str, ...], str]:
    return {_words(cell.name): cell.code for cell in CLASSES}


def _words(name: str) -> tuple[str, ...]:
    words = re.findall(r"[a-z]+", name.lower())
    return tuple(sorted(word.removesuffix("s") if len(word) > 3 else word for word in words))


def _splits_of(paths: list[Path]) -> list[str | None]:
    """``data/train data/test`` named side by side are a split; one folder named so is not."""
    splits = [SPLITS.get(os.path.basename(os.path.abspath(path)).lower()) for path in paths]
    return splits if len(set(splits) - {None}) > 1 else [None] * len(splits)


def _below(path: Path, root: Path | None, split: str | None) -> Iterator[FoundImage]:
    if path.is_dir():
        yield from _walk(os.path.abspath(path), split)
    elif path.suffix.lower() == ".csv":
        yield from _list(path, root)
    elif path.exists() or path.is_symlink():
        absolute = os.path.abspath(path)
        yield FoundImage(absolute, _class_around(os.path.dirname(absolute)))
    else:
        raise InputError(f"{path}: no such file or folder")


def _walk(top: str, split: str | None) -> Iterator[FoundImage]:
    """Images below a folder; links to folders are followed, but no folder is entered twice.

    A folder that cannot be listed is yielded itself, so that it becomes a row with its reason.
    """
    entered: set[str] = set()
    unlisted: list[str] = []
    walk = os.walk(
        top, followlinks=True, onerror=lambda error: unlisted.append(str(error.filename))
    )
    for folder, folders, files in walk:
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        label, inner_split = _labels_of(folder, top)
        part = inner_split or split
        columns = {} if part is None else {"split": part}
        for name in sorted(files):
            lower = name.lower()
            if lower.endswith(SUFFIXES) and not lower.endswith(MASK_SUFFIX) and name[0] != ".":
                yield FoundImage(os.path.join(folder, name), label, columns)
    for folder in sorted(unlisted):
        yield FoundImage(folder, _labels_of(folder, top)[0])


def _labels_of(folder: str, top: str) -> tuple[str | None, str | None]:
    """Label and split that the folders between ``top`` (included) and a file stand for."""
    relative = os.path.relpath(folder, top)
    inner = [] if relative == os.curdir else relative.split(os.sep)
    inner = [name for name in inner if not _RANGE_FOLDER.fullmatch(name)]
    splits = [SPLITS[name.lower()] for name in inner if name.lower() in SPLITS]
    named = [name for name in inner if name.lower() not in SPLITS]
    split = splits[0] if splits else None
    for name in reversed(named):
        code = resolve_class(name)
        if code is not None:
            return code, split
    if named:
        return _printable(named[-1]), split
    return _class_around(top), split  # somebody pointed at one class folder, or inside it


def _class_around(folder: str) -> str | None:
    """Class that a folder, or the one around a folder of a thousand, is named after."""
    names = [name for name in folder.split(os.sep)[-2:] if not _RANGE_FOLDER.fullmatch(name)]
    return resolve_class(names[-1]) if names else None


def _printable(name: str) -> str:
    """A folder name as text; bytes that are not UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def _list(path: Path, root: Path | None) -> Iterator[FoundImage]:
    try:
        table = pl.read_csv(path, infer_schema=False, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({_one_line(error)})") from error
    names = {name.strip().lower(): name for name in table.columns}
    path_column = next((names[name] for name in PATH_COLUMNS if name in names), None)
    if path_column is None:
        raise InputError(f"{path}: has no path column; expected one of {', '.join(PATH_COLUMNS)}")
    label_column = next((names[name] for name in LABEL_COLUMNS if name in names), None)
    kept = {name: names[name] for name in _KEPT_COLUMNS if name in names}
    base = Path(root) if root is not None else path.parent
    for row in table.iter_rows(named=True):
        if not (row[path_column] or "").strip():
            continue
        text = row[label_column] if label_column else None
        label = (resolve_class(text) or text.strip()) if text and text.strip() else None
        columns = {name: row[column] for name, column in kept.items() if row[column]}
        if "split" in columns:
            columns["split"] = SPLITS.get(columns["split"].lower(), columns["split"])
        yield FoundImage(listed_path(base, row[path_column].strip()), label, columns)


def listed_path(base: Path, text: str) -> str:
    """Absolute path of a file that a list in the folder ``base`` names."""
    path = os.path.abspath(base / text)
    if "\\" in text and not os.path.lexists(path):  # a list written on Windows
        return os.path.abspath(base / text.replace("\\", "/"))
    return path


def typed_columns(found: list[FoundImage]) -> dict[str, pl.Series]:
    """The extra columns of all rows, typed as the cell table wants them.

    Raises:
        InputError: a value is not of its column's type.
    """
    names = [name for name in _KEPT_COLUMNS if any(name in row.columns for row in found)]
    series = {}
    for name in names:
        values = pl.Series(name, [row.columns.get(name) for row in found], dtype=pl.String)
        try:
            series[name] = values.cast(SCHEMA[name])
        except pl.exceptions.PolarsError as error:
            raise InputError(f"column {name}: {_one_line(error)}") from error
    return series


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
