"""Find images and their labels in the layouts that people have.

- the public release: ``CODE/CODE_00001.jpg`` or ``CODE/0001-1000/CODE_00001.jpg``
- flat class folders, and ``train/CODE/…``, ``test/CODE/…`` trees
- folders named by the full class name, in any case, word order, singular or plural
- a CSV list with a path column and, as far as known, label, split and ids
- single images
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
from marrowscope.images import MASK_SUFFIX, SUFFIXES
from marrowscope.morphology import BY_CODE, CLASSES

_RANGE_FOLDER = re.compile(r"\d+-\d+")
_SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "val", "valid": "val", "validation": "val",
}  # fmt: skip
_PATH_COLUMNS = ("path", "image path", "image_path", "image", "file", "filename", "file name")
_LABEL_COLUMNS = ("label", "class", "cell type", "cell_type")
_KEPT_COLUMNS = (
    "split", "fold", "patient_id", "slide_id", "field_id", "x", "y", "annotator",
    "microns_per_pixel",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """One file, with what its place or its list says of it."""

    path: str
    label: str | None = None
    columns: dict[str, str] = field(default_factory=dict)


def discover(paths: list[Path], root: Path | None = None) -> Iterator[Found]:
    """Yield every image below ``paths`` in a stable order, each file once.

    Args:
        paths: folders, image files, or CSV lists.
        root: folder to which the paths in a CSV list are relative; default: the list's own.

    Raises:
        InputError: a path does not exist, or a list has no path column.
    """
    seen: set[str] = set()
    for path in paths:
        for found in _below(Path(path), root):
            if found.path not in seen:
                seen.add(found.path)
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


def _below(path: Path, root: Path | None) -> Iterator[Found]:
    if path.is_dir():
        yield from _walk(os.path.abspath(path))
    elif path.suffix.lower() == ".csv":
        yield from _list(path, root)
    elif path.exists() or path.is_symlink():
        absolute = os.path.abspath(path)
        yield Found(absolute, resolve_class(os.path.basename(os.path.dirname(absolute))))
    else:
        raise InputError(f"{path}: no such file or folder")


def _walk(top: str) -> Iterator[Found]:
    """Images below a folder; links to folders are followed, but no folder is entered twice."""
    entered: set[str] = set()
    for folder, folders, files in os.walk(top, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        label, split = _labels_of(folder, top)
        columns = {} if split is None else {"split": split}
        for name in sorted(files):
            lower = name.lower()
            if lower.endswith(SUFFIXES) and not lower.endswith(MASK_SUFFIX) and name[0] != ".":
                yield Found(os.path.join(folder, name), label, columns)


def _labels_of(folder: str, top: str) -> tuple[str | None, str | None]:
    """Label and split that the folders between ``top`` (included) and a file stand for."""
    relative = os.path.relpath(folder, top)
    inner = [] if relative == os.curdir else relative.split(os.sep)
    inner = [name for name in inner if not _RANGE_FOLDER.fullmatch(name)]
    splits = [_SPLITS[name.lower()] for name in inner if name.lower() in _SPLITS]
    named = [name for name in inner if name.lower() not in _SPLITS]
    split = splits[0] if splits else None
    for name in reversed(named):
        code = resolve_class(name)
        if code is not None:
            return code, split
    if named:
        return named[-1], split  # a class of the user's own scheme
    # Somebody pointed at one class folder, or inside it.
    above = [name for name in top.split(os.sep)[-2:] if not _RANGE_FOLDER.fullmatch(name)]
    return (resolve_class(above[-1]) if above else None), split


def _list(path: Path, root: Path | None) -> Iterator[Found]:
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({_one_line(error)})") from error
    names = {name.strip().lower(): name for name in table.columns}
    path_column = next((names[name] for name in _PATH_COLUMNS if name in names), None)
    if path_column is None:
        raise InputError(f"{path}: has no path column; expected one of {', '.join(_PATH_COLUMNS)}")
    label_column = next((names[name] for name in _LABEL_COLUMNS if name in names), None)
    kept = {name: names[name] for name in _KEPT_COLUMNS if name in names}
    base = Path(root) if root is not None else path.parent
    for row in table.iter_rows(named=True):
        if not row[path_column]:
            continue
        text = row[label_column] if label_column else None
        label = (resolve_class(text) or text.strip()) if text and text.strip() else None
        columns = {name: row[column] for name, column in kept.items() if row[column]}
        if "split" in columns:
            columns["split"] = _SPLITS.get(columns["split"].lower(), columns["split"])
        yield Found(os.path.abspath(base / row[path_column]), label, columns)


def typed_columns(found: list[Found]) -> dict[str, pl.Series]:
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
