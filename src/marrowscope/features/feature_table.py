"""A cell table → features of all cells, in parallel and kept in Parquet, resumable.

The cache is a folder of Parquet files with the columns ``key`` (SHA-256 of the image file, and the
pixel size where one is stated), ``version`` of the features and ``values``. Files of another
version are left alone and not used.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_start_method
from pathlib import Path

import cv2
import numpy as np
import polars as pl
from joblib.externals.loky import ProcessPoolExecutor
from numpy.typing import NDArray

from marrowscope.cell_pixels import CellImage, cell_images, read_cell_pixels
from marrowscope.errors import InputError
from marrowscope.features.cell_features import VERSION, measure_cell
from marrowscope.features.feature_catalogue import names
from marrowscope.io.atomic import replacing
from marrowscope.io.image_file import ImageError
from marrowscope.progress import Advance

# Cells per file of the cache: what a killed run loses at most.
CHUNK = 256

_Answer = tuple[str, NDArray[np.float32] | None, str | None]  # key, values, error


def measure_table(
    table: pl.DataFrame,
    cache: Path | None = None,
    jobs: int | None = None,
    advance: Advance | None = None,
) -> tuple[NDArray[np.float32], list[str | None]]:
    """Measure every image of a table.

    Args:
        table: with ``path``; ``sha256`` spares reading images that the cache knows, and
            ``microns_per_pixel`` is each image's own pixel size.
        cache: folder; made if it is not there.
        jobs: processes; default one per core.
        advance: called as ``advance(done, total=...)``.

    Returns:
        (N, features) float32 in the order of the catalogue, and why a row could not be measured
        (its values are all NaN) or None.

    Raises:
        InputError: a file of the cache is damaged, the cache cannot be written, or a process was
            ended from outside.
    """
    cells = cell_images(table)
    hashes = table["sha256"].to_list() if "sha256" in table.columns else [None] * table.height
    result = np.full((table.height, len(names())), np.nan, np.float32)
    errors: list[str | None] = [None] * table.height
    known = _read(cache)
    todo = []
    for row, (content, cell) in enumerate(zip(hashes, cells, strict=True)):
        found = known.get(_key(content, cell.microns_per_pixel)) if content else None
        if found is None:
            todo.append(row)
        else:
            result[row] = found
    if advance is not None and table.height > len(todo):
        advance(table.height - len(todo), total=table.height)
    work = [cells[row] for row in todo]
    fresh: dict[str, NDArray[np.float32]] = {}
    try:
        for row, (key, values, error) in zip(todo, _answers(work, jobs), strict=True):
            if values is None:
                errors[row] = error
            else:
                result[row] = fresh[key] = values
            if len(fresh) == CHUNK:
                _write(cache, fresh)
                fresh = {}
            if advance is not None:
                advance(1, total=table.height)
    finally:
        _write(cache, fresh)
    return result, errors


def _answers(work: list[CellImage], jobs: int | None) -> Iterator[_Answer]:
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(work) // 8))
    # A fold among several at the same time has its share of the cores already, and a process of
    # joblib's cannot start others in this way.
    if jobs <= 1 or get_start_method(allow_none=True) == "loky":
        yield from map(measure_file, work)
        return
    # A forked process would inherit locks of threads that it does not have, and one of Python's own
    # that is not forked imports the main script: without a guard in it, or from standard input, it
    # would never begin. Those of joblib do neither.
    try:
        with ProcessPoolExecutor(jobs, initializer=_one_thread) as pool:
            yield from pool.map(measure_file, work, chunksize=8)
    except BrokenProcessPool as error:
        raise InputError(
            "a process that measures features was ended from outside, as happens when memory is "
            "short; what is measured is kept, the same command continues"
        ) from error


def _one_thread() -> None:
    """Processes fill the cores; threads of theirs would wait for each other."""
    from threadpoolctl import threadpool_limits

    cv2.setNumThreads(1)
    threadpool_limits(1)


def measure_file(cell: CellImage) -> _Answer:
    """Measure one file: its key, and values or the reason why it has none."""
    try:
        read = read_cell_pixels(cell)
        return _key(read.digest, cell.microns_per_pixel), measure_cell(read.crop)[1], None
    except ImageError as error:
        return "", None, error.reason
    except (OSError, ValueError, cv2.error) as error:
        return "", None, " ".join(str(error).split())


def _key(content: str, size: float | None) -> str:
    return content if size is None else f"{content}@{size:.6f}"


def _read(cache: Path | None) -> dict[str, NDArray[np.float32]]:
    known: dict[str, NDArray[np.float32]] = {}
    files = sorted(cache.glob(f"v{VERSION}-*.parquet")) if cache is not None else []
    for path in files:
        try:
            table = pl.read_parquet(path, glob=False)
            rows = table.filter(pl.col("version") == VERSION)
            values = rows["values"].to_numpy()
            if rows.height and values.shape != (rows.height, len(names())):
                raise ValueError(f"{values.shape[1:]} values per cell; expected {len(names())}")
            known |= dict(zip(rows["key"].to_list(), values, strict=True))
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(
                f"{path}: damaged file of the feature cache ({reason}); delete it"
            ) from None
    return known


def _write(cache: Path | None, fresh: dict[str, NDArray[np.float32]]) -> None:
    if cache is None or not fresh:
        return
    name = hashlib.sha256("".join(sorted(fresh)).encode()).hexdigest()[:16]
    table = pl.DataFrame(
        {
            "key": list(fresh),
            "version": [VERSION] * len(fresh),
            "values": pl.Series(
                np.stack(list(fresh.values())), dtype=pl.Array(pl.Float32, len(names()))
            ),
        }
    )
    with replacing(cache / f"v{VERSION}-{name}.parquet") as temporary:
        table.write_parquet(temporary, compression="zstd")
