"""Folders and lists in the usual layouts → image files with their labels.

- the public release: ``CODE/CODE_00001.jpg`` or ``CODE/0001-1000/CODE_00001.jpg``
- flat class folders, and ``train/CODE/…``, ``test/CODE/…`` trees
- folders named by the full class name (``marrowscope.class_synonyms``)
- patients as folders inside class folders, or class folders inside those of patients
- loose files named by their class: ``CODE_00001.jpg``
- a list with a path column and, as far as known, label, split, ids and places (``cell_list``)
- single images

A folder whose name is none of the 21 classes, inside the folder that was named, is a class of the
user's own scheme, unless it says something else (``folder_names``). What was taken for what is
collected in a ``DiscoveryNotes``.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from marrowscope.cells import SCHEMA
from marrowscope.dataset.cell_list import read_cell_list
from marrowscope.dataset.discovery_notes import DiscoveryNotes
from marrowscope.dataset.discovery_rules import NO_RULES, DiscoveryRules
from marrowscope.dataset.folder_names import meaning_of
from marrowscope.dataset.found_image import (
    FoundImage,
    class_around,
    class_folders,
    ids_of,
    inner_folders,
    label_from_file_name,
    laboratory_of,
    named_image,
    patient_of,
)
from marrowscope.dataset.split_names import split_name
from marrowscope.errors import InputError
from marrowscope.io.file_signatures import file_format, foreign_format
from marrowscope.io.image_file import SUFFIXES
from marrowscope.io.list_file import LIST_SUFFIXES
from marrowscope.io.passed_over import is_image_name
from marrowscope.io.regular_file import unusable_kind

_OTHER_SPREADSHEETS = (".xls", ".ods", ".numbers")
_HEAD = 4096  # bytes, by which formats are told
_BOX = ("x0", "y0", "x1", "y1")


def discover(
    paths: list[Path],
    root: Path | None = None,
    rules: DiscoveryRules = NO_RULES,
    notes: DiscoveryNotes | None = None,
) -> Iterator[FoundImage]:
    """Yield every image below ``paths`` in a stable order, each file once.

    A row of a list that has a place in its picture comes for every place.

    Args:
        paths: folders, image files, or lists.
        root: folder to which the paths in a list are relative; default: the list's own.
        rules: what is said of them beside their paths.
        notes: filled with what names were taken for.

    Raises:
        InputError: a path does not exist, a file is neither image nor list, or a list cannot be
            understood.
    """
    notes = DiscoveryNotes() if notes is None else notes
    notes.patient_rule = None if rules.patient is None else rules.patient.text
    notes.laboratory_rule = None if rules.laboratory is None else rules.laboratory.text
    notes.label_source = rules.labels
    seen: dict[tuple[object, ...], set[str | None]] = {}
    for path, split in zip(paths, _splits_of(paths), strict=True):
        for found in _below(Path(path), root, split, rules, notes):
            place = tuple(found.columns.get(name) for name in ("x", "y", *_BOX))
            labels = seen.setdefault((found.path, *place), set())
            # The same file under a second label comes again: index excludes what is contradictory.
            if not labels or (found.label is not None and found.label not in labels):
                labels.add(found.label)
                yield found


def _splits_of(paths: list[Path]) -> list[str | None]:
    """``data/train data/test`` named side by side are a split; one folder named so is not."""
    splits = [split_name(os.path.basename(os.path.abspath(path))) for path in paths]
    return splits if len(set(splits) - {None}) > 1 else [None] * len(splits)


def _below(
    path: Path,
    root: Path | None,
    split: str | None,
    rules: DiscoveryRules,
    notes: DiscoveryNotes,
) -> Iterator[FoundImage]:
    if path.is_dir():
        yield from _walk(os.path.abspath(path), split, rules, notes)
    elif not (path.exists() or path.is_symlink()):
        raise InputError(f"{path}: no such file or folder")
    elif path.suffix.lower() in LIST_SUFFIXES:
        yield from _list(path, root, rules, notes)
    elif path.suffix.lower() in SUFFIXES or _begins_as_image(path):
        absolute = os.path.abspath(path)
        folder, name = os.path.split(absolute)
        found = FoundImage(absolute, None, ids_of(absolute, None, None, rules, notes))
        if rules.labels is not None:
            yield named_image(found, folder.split(os.sep)[-2:], rules.labels, notes)
        else:
            yield replace(found, label=class_around(folder) or label_from_file_name(name, notes))
    elif path.suffix.lower() == ".parquet":
        raise InputError(
            f"{path}: is a cell table already; the steps after 'index' take it, and 'merge' joins "
            "several"
        )
    else:
        if path.suffix.lower() in _OTHER_SPREADSHEETS:
            raise InputError(
                f"{path}: a spreadsheet of a kind that is not read; save it as Excel workbook "
                "(.xlsx) or CSV"
            )
        if not path.exists():
            leads = "to itself" if _leads_to_itself(path) else "nowhere"
            raise InputError(f"{path}: a link that leads {leads}")
        foreign = _foreign(path)
        if foreign is not None:
            raise InputError(f"{path}: {foreign}")
        raise InputError(
            f"{path}: is neither an image nor a list; give folders, images, or lists as CSV or "
            "Excel workbook (.xlsx)"
        )


def _begins_as_image(path: Path) -> bool:
    return file_format(_head(path)) not in (None, "DICOM")


def _leads_to_itself(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _foreign(path: Path) -> str | None:
    """What a file is that is neither image nor list, where its first bytes say it."""
    return foreign_format(_head(path))


def _head(path: Path) -> bytes:
    """The first bytes; none of what is no file or cannot be read."""
    try:
        status = path.stat()
        if unusable_kind(status.st_mode) is not None or not status.st_size:
            return b""
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError:
        return b""


def _walk(
    top: str, split: str | None, rules: DiscoveryRules, notes: DiscoveryNotes
) -> Iterator[FoundImage]:
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
        inner = inner_folders(folder, top)
        meaning = meaning_of(inner, *rules.levels(inner))
        label = meaning.label or class_around(top)
        part = meaning.split or split
        columns = {} if part is None else {"split": part}
        for name in sorted(files):
            if not is_image_name(name):
                notes.passed_over.add(name)
            else:
                path = os.path.join(folder, name)
                if meaning.split is not None and meaning.part_folder is not None:
                    notes.parts[meaning.part_folder, meaning.split] += 1
                notes.no_class.update(meaning.no_class)
                ids = ids_of(path, top, meaning.patient, rules, notes)
                found = FoundImage(path, None, {**columns, **ids})
                if rules.labels is not None:
                    names = class_folders(folder, top, rules)
                    yield named_image(found, names, rules.labels, notes)
                else:
                    yield replace(found, label=label or label_from_file_name(name, notes))
    for folder in sorted(unlisted):
        yield FoundImage(folder, meaning_of(inner_folders(folder, top)).label or class_around(top))


def _list(
    path: Path, root: Path | None, rules: DiscoveryRules, notes: DiscoveryNotes
) -> Iterator[FoundImage]:
    listed = read_cell_list(path, root, raw_labels=rules.labels is not None)
    notes.said += listed.notes
    carried = set(listed.carried)
    top = os.path.abspath(path.parent if root is None else root)
    for row in listed.table.iter_rows(named=True):
        place, label = row.pop("path"), row.pop("label", None)
        more = {name: row.pop(name) for name in carried}
        columns = {name: value for name, value in row.items() if value is not None}
        if rules.patient is not None and "patient_id" not in columns:
            columns |= patient_of(place, top, None, rules.patient, notes)
        if "laboratory" not in columns:
            columns |= laboratory_of(place, top, rules, notes)
        kept = {name: value for name, value in more.items() if value is not None}
        found = FoundImage(place, label, columns, kept)
        if rules.labels is not None:
            around = os.path.dirname(place).split(os.sep)[-2:]
            found = named_image(found, around, rules.labels, notes, in_list=True)
        yield found


def typed_columns(found: list[FoundImage]) -> dict[str, pl.Series]:
    """The extra columns of all rows, typed as the cell table wants them; carried ones as text."""
    known = dict.fromkeys((*SCHEMA, *_BOX))
    series = {}
    for name in known:
        if any(name in row.columns for row in found):
            kind = SCHEMA.get(name, pl.Float64())
            values = [row.columns.get(name) for row in found]
            series[name] = pl.Series(name, values, dtype=kind)
    for name in dict.fromkeys(name for row in found for name in row.carried):
        series[name] = pl.Series(name, [row.carried.get(name) for row in found], dtype=pl.String)
    return series
