"""Image files → a cell table: content hash, size, and the reason where one cannot be used.

Files are read once, a few hundred at a time, so memory does not grow with image bytes. Finished
batches are kept beside the output until it stands, and unchanged files (same path, size and
modification time) are not read again: neither by a run that follows a killed one nor by the next.
Stain vectors are estimated on request, while a file's content is at hand; those of unchanged files
stay in the table whether they are asked for again or not.
"""

import errno
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import IN_FIELD, SCHEMA, read_cells, usable, write_cells
from marrowscope.class_synonyms import nearest_in_words
from marrowscope.dataset.discovery_notes import DiscoveryNotes
from marrowscope.dataset.discovery_rules import NO_RULES, DiscoveryRules
from marrowscope.dataset.field_places import mark_places
from marrowscope.dataset.found_image import FoundImage
from marrowscope.dataset.image_discovery import discover, typed_columns
from marrowscope.dataset.label_corrections import read_corrections
from marrowscope.dataset.label_corrections import relabel as take_corrections
from marrowscope.dataset.label_source import LEFT_OUT
from marrowscope.dataset.repeated_content import errors_of_repeats, numbered, without_repeats
from marrowscope.dataset.slide_places import with_slides
from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode
from marrowscope.io.image_file import READ, ImageError, read_bytes
from marrowscope.io.image_inspection import inspect
from marrowscope.morphology import BY_CODE
from marrowscope.progress import Advance
from marrowscope.stain import estimate_stain

BATCH = 512
_SHOWN = 12  # labels in a sentence
_LONGEST = 60  # signs of each

_MEASURED = ("path", "sha256", "error", "note", "width", "height", "bytes", "modified_ns")
_MEASURED_SCHEMA = {name: SCHEMA[name] for name in (*_MEASURED, "stain")}


def index(
    paths: list[Path],
    output: Path | None = None,
    root: Path | None = None,
    advance: Advance | None = None,
    workers: int | None = None,
    stains: bool = False,
    relabel: Sequence[Path] = (),
    rules: DiscoveryRules = NO_RULES,
    microns_per_pixel: float | None = None,
    say: Callable[[str], None] | None = None,
) -> pl.DataFrame:
    """Index every image below ``paths``; write the cell table to ``output`` when one is given.

    Args:
        paths: folders, lists, image files.
        output: where the table goes; also where an earlier run is looked for.
        root: folder to which paths in lists are relative.
        advance: called as ``advance(done, total=...)`` after every batch.
        workers: threads that read and check files; default: as many as there are cores.
        stains: fill the ``stain`` column too, where it is missing.
        relabel: lists of corrected labels, in the order in which they were made.
        rules: what is said of the images beside their paths.
        microns_per_pixel: pixel size of images, and of fields in which a list has places, that do
            not state it.
        say: told in a sentence what was taken for what.

    Returns:
        The table, in the order of discovery. Rows with an ``error`` cannot be used.

    Raises:
        InputError: nothing was found, a path does not exist, or the output cannot be written, or
            is a CSV, which holds no stain vectors, when these are asked for; or a list of
            corrections does not fit (see ``marrowscope.dataset.label_corrections``).
    """
    corrections = [(path, read_corrections(path)) for path in relabel]
    if stains and output is not None and output.suffix.lower() == ".csv":
        raise InputError(f"{output}: a CSV cannot hold stain vectors; name the output .parquet")
    notes = DiscoveryNotes()
    found = list(discover(paths, root, rules, notes))
    if not found:
        names = ", ".join(str(path) for path in paths)
        passed = notes.passed_over.sentence()
        why = f"; {passed}" if passed else ""
        raise InputError(f"{names}: no image found (looked for {READ}){why}")
    if rules.labels is not None and rules.labels.mapping is not None:
        notes.labels.require_some(rules.labels.mapping)
    journal = None if output is None else output.with_name(output.name + ".partial")
    known = _known_rows(output, journal)
    measured: list[dict[str, Any]] = []
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for start in range(0, len(found), BATCH):
            batch = found[start : start + BATCH]
            rows, read = _measure_batch(batch, known, pool, stains)
            measured += rows
            if journal is not None and read:
                _keep(journal, read)
            if advance is not None:
                advance(len(batch), total=len(found))
    assembled, about_places = assemble(found, measured, microns_per_pixel)
    table = take_corrections(assembled, corrections).table
    if say is not None:
        for sentence in (*notes.sentences(), *about_places, *outside_scheme(table)):
            say(sentence)
    if output is not None:
        write_cells(table, output)
    if journal is not None:
        shutil.rmtree(journal, ignore_errors=True)
    return table


def measure_file(path: str, stain: bool = False) -> dict[str, Any]:
    """Hash, size, usability and, if wanted, stain vectors of one file.

    Never raises for anything wrong with the file.
    """
    row: dict[str, Any] = dict.fromkeys(_MEASURED_SCHEMA)
    row["path"] = path
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        row["path"] = os.fsencode(path).decode("utf-8", errors="backslashreplace")
        row["error"] = "file name is not UTF-8; rename the file"
        return row
    try:
        status = os.stat(path)
        row["bytes"], row["modified_ns"] = status.st_size, status.st_mtime_ns
        data = read_bytes(Path(path))
        row["sha256"] = hashlib.sha256(data).hexdigest()
        facts = inspect(data, path)
        row["width"], row["height"], row["note"] = facts.width, facts.height, facts.note
        if stain:
            row["stain"] = estimate_stain(decode(data, path)).tolist()
    except ImageError as error:
        row["error"] = error.reason
    except FileNotFoundError:
        row["error"] = "broken link" if os.path.islink(path) else "no such file"
        if "://" in path:
            row["error"] = "an address, not a file; download it"
    except OSError as error:
        row["error"] = error.strerror or str(error)
    except ValueError as error:  # a zero byte in a path from a list
        row["error"] = f"not a path ({error})"
    return row


def assemble(
    found: list[FoundImage], measured: list[dict[str, Any]], microns_per_pixel: float | None = None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Join what the places say and what the files say; mark repeated content; name the cells.

    Returns:
        The table, and sentences about cells that are places in fields.
    """
    errors = [row["error"] or one.left_out for row, one in zip(measured, found, strict=True)]
    table = pl.DataFrame(measured, schema=_MEASURED_SCHEMA).with_columns(
        pl.Series("error", errors, dtype=pl.String),
        pl.Series("label", [row.label for row in found], dtype=pl.String),
        *typed_columns(found).values(),
    )
    if table["stain"].null_count() == table.height:
        table = table.drop("stain")
    table, notes = mark_places(with_slides(table, microns_per_pixel), microns_per_pixel)
    errors = errors_of_repeats(table)
    identities = [
        (digest[:16] if digest else "path-" + hashlib.sha256(path.encode()).hexdigest()[:11])
        for digest, path in table.select("sha256", "path").rows()
    ]
    table = table.with_columns(
        pl.Series("error", errors, dtype=pl.String),
        pl.Series("cell_id", numbered(identities), dtype=pl.String),
    )
    return table.select("cell_id", *(name for name in table.columns if name != "cell_id")), notes


def _measure_batch(
    batch: list[FoundImage],
    known: dict[str, dict[str, Any]],
    pool: ThreadPoolExecutor,
    stains: bool,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of a batch in order, and those of them that had to be read."""
    rows = [_unchanged(known.get(found.path), stains) for found in batch]
    # A list may name one file many times.
    missing = list(
        dict.fromkeys(found.path for found, row in zip(batch, rows, strict=True) if row is None)
    )
    read = list(pool.map(partial(measure_file, stain=True) if stains else measure_file, missing))
    fresh = dict(zip(missing, read, strict=True))
    return [
        row if row is not None else fresh[found.path]
        for found, row in zip(batch, rows, strict=True)
    ], read


def _unchanged(row: dict[str, Any] | None, stains: bool) -> dict[str, Any] | None:
    # What could not be read at all is tried again: permissions and links change without a trace
    # in size and time.
    if row is None or row["sha256"] is None:
        return None
    if stains and row["stain"] is None and row["error"] is None:
        return None
    try:
        status = os.stat(row["path"])
    except OSError:
        return None
    same = (status.st_size, status.st_mtime_ns) == (row["bytes"], row["modified_ns"])
    return row if same else None


def _known_rows(output: Path | None, journal: Path | None) -> dict[str, dict[str, Any]]:
    """Rows of an earlier output and of a killed run's journal, by path."""
    tables = []
    if output is not None and output.suffix.lower() != ".csv" and output.exists():
        try:
            earlier = read_cells(output, needs=_MEASURED)
        except InputError as error:
            raise InputError(
                f"`output` {output}: something else is there than a table of 'index', which would "
                "be lost; name another file, or remove it"
            ) from error
        if IN_FIELD in earlier.columns:  # such rows tell of a place, not of their file
            earlier = earlier.filter(~pl.col(IN_FIELD).fill_null(False))
        tables.append(_measured_part(earlier))
    if journal is not None and journal.is_dir():
        for part in sorted(journal.glob("*.parquet")):
            try:
                tables.append(_measured_part(pl.read_parquet(part)))
            except (OSError, pl.exceptions.PolarsError):
                continue  # its files are simply read again
    known = {}
    for table in tables:
        for row in table.iter_rows(named=True):
            # Judged anew: the other file may be gone, another mapping given.
            row["error"] = without_repeats(row["error"])
            if row["error"] is not None and row["error"].startswith(LEFT_OUT):
                row["error"] = None
            known[row["path"]] = row
    return known


def _measured_part(table: pl.DataFrame) -> pl.DataFrame:
    if "stain" not in table.columns:
        table = table.with_columns(pl.lit(None, dtype=SCHEMA["stain"]).alias("stain"))
    return table.select(list(_MEASURED_SCHEMA))


def outside_scheme(table: pl.DataFrame) -> tuple[str, ...]:
    """A sentence about labels that are none of the 21 classes, with counts and what is nearest."""
    rows = usable(table)
    if "label" not in rows.columns:
        return ()
    counts = Counter(label for label in rows["label"].drop_nulls() if label not in BY_CODE)
    if not counts:
        return ()
    shown = []
    for label, count in counts.most_common(_SHOWN):
        name = label if len(label) <= _LONGEST else f"{label[:_LONGEST]}…"
        shown.append(", ".join(filter(None, (f"{name} ({count})", nearest_in_words(label)))))
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    return (
        "labels outside the 21 classes are kept as classes of your own: "
        f"{'; '.join(shown)}{more}; rename those that mean one of the 21",
    )


def _keep(journal: Path, rows: list[dict[str, Any]]) -> None:
    number = 1 + sum(1 for _ in journal.glob("*.parquet"))
    part = journal / f"part-{number:06d}.parquet"
    try:
        write_cells(pl.DataFrame(rows, schema=_MEASURED_SCHEMA), part)
    except InputError as error:
        full = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOSPC
        advice = "; free some space and run the same command again" if full else ""
        raise InputError(f"{error}{advice}") from error
