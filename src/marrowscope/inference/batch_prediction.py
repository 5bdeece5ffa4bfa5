"""Predict a table of images: decoding threads ahead of the engine, one row out per row in."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import CellImage, cell_images, read_cell_pixels, standard_crop
from marrowscope.cells import PROBABILITY, probability_codes
from marrowscope.errors import InputError
from marrowscope.inference.calibrated_engine import DECISIONS
from marrowscope.inference.engine import Engine, PendingProbabilities, start_batch
from marrowscope.inference.resume_cache import (
    ROWS_PER_PART,
    PredictionPart,
    ResumeCache,
    load_part,
    save_part,
)
from marrowscope.io.image_decoding import joined_notes
from marrowscope.io.image_file import ImageError
from marrowscope.preprocessing import INPUT_SIZE, size_remark
from marrowscope.progress import Advance

_Source = str | NDArray[np.uint8] | None  # a file, or the image itself


class _ImageStatus(NamedTuple):
    """What is known of an image after it was read."""

    error: str | None
    digest: str = ""  # of its content
    note: str | None = None  # what was converted, or is odd


_Batch = tuple[
    NDArray[np.uint8], list[_ImageStatus]
]  # a row per image; of one with an error anything


def predict_table(
    engine: Engine,
    table: pl.DataFrame,
    microns_per_pixel: float | None = None,
    batch_size: int | None = None,
    advance: Advance | None = None,
    parts: ResumeCache | None = None,
    images: Sequence[NDArray[np.uint8]] | None = None,
) -> pl.DataFrame:
    """Predict every row of a table.

    Args:
        engine: computes probabilities.
        table: with ``path``; a ``microns_per_pixel`` column gives each image's own pixel size.
        microns_per_pixel: pixel size of all images that do not state their own.
        batch_size: images per call of the engine; None: as many as it is made for.
        advance: called as ``advance(done, total=...)`` after every batch.
        parts: where answers are kept while it runs, so that a killed run goes on; whoever names
            the place removes it when the result is safe. Only for files.
        images: the images themselves, (H, W, 3) uint8 RGB, one per row; nothing is read then, and a
            ``cell_id`` that is made follows from the pixels.

    Returns:
        The same rows in the same order with ``cell_id``, ``note`` (what was converted on reading,
        and a remark on images far larger than a cell), ``p_<CODE>``, ``predicted`` and
        ``confidence``. A row whose image cannot be read has an ``error`` and nulls. Probabilities
        of an earlier prediction are replaced, its sets and no-calls dropped; other columns stay.

    Raises:
        InputError: the pixel size makes no sense, a column of the user's own has the name of a
            probability, or ``parts`` cannot be written.
    """
    stale = [PROBABILITY + code for code in probability_codes(table, engine.classes)]
    _refuse_taken_names(table, stale, engine.classes)
    if stale:  # what an earlier model decided says nothing of this one
        stale += [name for name in DECISIONS if name in table.columns]
    cells = cell_images(table, microns_per_pixel)
    paths = table["path"].to_list()
    sources: Sequence[_Source] = paths if images is None else images
    count = table.height
    kept = parts if count > ROWS_PER_PART and images is None else None
    step = max(count, 1) if kept is None else ROWS_PER_PART
    found = []
    for start in range(0, count, step):
        rows = slice(start, start + step)
        place = None if kept is None else kept.part_path(cells[rows])
        known = None if place is None else load_part(place, len(paths[rows]), len(engine.classes))
        if known is None:
            known = _answers(engine, sources[rows], cells[rows], batch_size, count, advance)
            if place is not None:
                save_part(place, known)
        else:
            known = _retried(engine, known, paths[rows], cells[rows], batch_size)
            if advance is not None:
                advance(len(known.errors), total=count)
        found.append(known)
    values = np.concatenate(
        [np.empty((0, len(engine.classes)), np.float32), *(one.values for one in found)]
    )
    errors = [error for one in found for error in one.errors]
    hashes = [digest for one in found for digest in one.hashes]
    notes = [note for one in found for note in one.notes]
    return _assemble(table.drop(stale), engine.classes, values, errors, hashes, notes)


def _answers(
    engine: Engine,
    sources: Sequence[_Source],
    cells: list[CellImage],
    batch_size: int | None,
    total: int,
    advance: Advance | None,
) -> PredictionPart:
    """Decode and compute; ``total`` is only for the progress."""
    values = np.full((len(sources), len(engine.classes)), np.nan, dtype=np.float32)
    errors: list[str | None] = [None] * len(sources)
    hashes = [""] * len(sources)
    notes: list[str | None] = [None] * len(sources)
    start = 0
    batches = _decoded_batches(sources, cells, batch_size or engine.batch_size)
    for statuses, good, found in _computed(engine, batches):
        for row, (error, digest, note) in enumerate(statuses, start):
            errors[row], hashes[row], notes[row] = error, digest, note
        for row, answer in zip(good, found(), strict=True):
            if np.isfinite(answer).all():
                values[start + row] = answer
            else:
                errors[start + row] = "the network's answer is not finite"
        start += len(statuses)
        if advance is not None:
            advance(len(statuses), total=total)
    return PredictionPart(values, errors, hashes, notes)


def _computed(
    engine: Engine, batches: Iterator[_Batch]
) -> Iterator[tuple[list[_ImageStatus], list[int], PendingProbabilities]]:
    """The statuses of each batch, its good rows, their answers; one batch ahead where it can be."""
    ahead: deque[tuple[list[_ImageStatus], list[int], PendingProbabilities]] = deque()
    for pixels, statuses in batches:
        good = [row for row, status in enumerate(statuses) if status.error is None]
        images = pixels if len(good) == len(statuses) else pixels[good]
        ahead.append((statuses, good, start_batch(engine, images)))
        if len(ahead) > 1:
            yield ahead.popleft()
    yield from ahead


def _retried(
    engine: Engine,
    known: PredictionPart,
    paths: list[str | None],
    cells: list[CellImage],
    batch_size: int | None,
) -> PredictionPart:
    """A part of an earlier run, with the images that could not be read then tried again."""
    bad = [row for row, error in enumerate(known.errors) if error is not None]
    if not bad:
        return known
    again = _answers(
        engine, [paths[row] for row in bad], [cells[row] for row in bad], batch_size, 0, None
    )
    values, errors, hashes = known.values.copy(), list(known.errors), list(known.hashes)
    notes = list(known.notes)
    for number, row in enumerate(bad):
        values[row] = again.values[number]
        errors[row], hashes[row] = again.errors[number], again.hashes[number]
        notes[row] = again.notes[number]
    return PredictionPart(values, errors, hashes, notes)


def _load(source: _Source, cell: CellImage, pixels: NDArray[np.uint8]) -> _ImageStatus:
    """Bring an image into ``pixels``, (250, 250, 3)."""
    notes: list[str | None] = []
    try:
        if isinstance(source, np.ndarray):
            image = np.ascontiguousarray(source)
            digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
            pixels[:] = standard_crop(image, cell)
        elif not source:
            return _ImageStatus("no path in the table")
        else:
            read = read_cell_pixels(cell)
            image, digest, notes = read.own, read.digest, [*read.notes]
            pixels[:] = read.crop
    except ImageError as error:
        return _ImageStatus(error.reason)
    except (OSError, ValueError, cv2.error) as error:  # e.g. a NUL in a name
        return _ImageStatus(" ".join(str(error).split()))
    height, width = image.shape[:2]
    if cell.place is None:  # else it is a field by right
        notes.append(size_remark(height, width, cell.microns_per_pixel))
    return _ImageStatus(None, digest, joined_notes(notes))


def _decoded_batches(
    sources: Sequence[_Source], cells: list[CellImage], batch_size: int
) -> Iterator[_Batch]:
    """Batches in order, decoded by threads up to two batches ahead."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        ahead: deque[tuple[NDArray[np.uint8], list[Future[_ImageStatus]]]] = deque()
        for start in range(0, len(sources), batch_size):
            rows = range(start, min(start + batch_size, len(sources)))
            pixels = np.empty((len(rows), INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
            statuses = [
                pool.submit(_load, sources[row], cells[row], place)
                for row, place in zip(rows, pixels, strict=True)
            ]
            ahead.append((pixels, statuses))
            if len(ahead) > 2:
                yield _done(*ahead.popleft())
        while ahead:
            yield _done(*ahead.popleft())


def _done(pixels: NDArray[np.uint8], statuses: list[Future[_ImageStatus]]) -> _Batch:
    return pixels, [future.result() for future in statuses]


def _assemble(
    table: pl.DataFrame,
    classes: tuple[str, ...],
    values: NDArray[np.float32],
    errors: list[str | None],
    hashes: list[str],
    notes: list[str | None],
) -> pl.DataFrame:
    good = np.array([error is None for error in errors], dtype=bool)
    best = np.where(good, np.nan_to_num(values).argmax(axis=1), 0)
    earlier = table["error"].to_list() if "error" in table.columns else [None] * table.height
    said = table["note"].to_list() if "note" in table.columns else [None] * table.height
    columns = [
        pl.Series(
            # The index knows more: a file name that is not UTF-8 is "no such file" here.
            "error",
            [old or new for new, old in zip(errors, earlier, strict=True)],
            pl.String,
        ),
        # What a user or the index wrote stays in front.
        pl.Series(
            "note",
            [joined_notes([old, new]) for old, new in zip(said, notes, strict=True)],
            pl.String,
        ),
        *(
            pl.Series(PROBABILITY + code, values[:, place], pl.Float32).fill_nan(None)
            for place, code in enumerate(classes)
        ),
        pl.Series(
            "predicted",
            [classes[place] if ok else None for place, ok in zip(best, good, strict=True)],
            pl.String,
        ),
        pl.Series("confidence", values[np.arange(len(best)), best], pl.Float32).fill_nan(None),
    ]
    made = pl.Series("cell_id", _identities(hashes), pl.String)
    if "cell_id" in table.columns:  # a table and loose files may have been named together
        made = table["cell_id"].cast(pl.String).zip_with(table["cell_id"].is_not_null(), made)
    table = table.select(made, pl.exclude("cell_id"))
    return table.with_columns(columns)


def _refuse_taken_names(table: pl.DataFrame, stale: list[str], classes: tuple[str, ...]) -> None:
    names = {PROBABILITY + code for code in classes}
    taken = [name for name in table.columns if name in names and name not in stale]
    if taken:
        raise InputError(
            f"the table has a column {taken[0]} that is not an earlier prediction, and the model "
            "wants to write its own there; rename it"
        )


def _identities(hashes: list[str]) -> list[str]:
    """Content-made ids; what comes twice gets a number."""
    seen: dict[str, int] = {}
    result = []
    for row, digest in enumerate(hashes):
        identity = digest[:16] or f"unread-{row + 1}"
        seen[identity] = seen.get(identity, 0) + 1
        result.append(identity if seen[identity] == 1 else f"{identity}-{seen[identity]}")
    return result
