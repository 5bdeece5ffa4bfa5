"""Cell tables: images come in, a table with labels, checks, overlaps and a split comes out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from marrowscope.api.arguments import AnyPath, Cells, Say, as_table, naming, path_list
from marrowscope.cells import require_table_name, write_cells
from marrowscope.dataset.contents import CheckResult
from marrowscope.dataset.contents import check as check_table
from marrowscope.dataset.indexing import index as index_paths
from marrowscope.dataset.split_lists import apply_split_list
from marrowscope.dataset.splitting import Split, folds, hold_out
from marrowscope.errors import InputError
from marrowscope.progress import Stage

if TYPE_CHECKING:
    from marrowscope.dataset.overlap_screening import ScreeningResult


def index(
    paths: AnyPath | Sequence[AnyPath],
    output: AnyPath | None = None,
    *,
    root: AnyPath | None = None,
    stains: bool = False,
    relabel: Sequence[AnyPath] = (),
    patient_from: str | None = None,
    microns_per_pixel: float | None = None,
    progress: Stage | None = None,
    say: Say | None = None,
) -> pl.DataFrame:
    """Find images and their labels; hash, size and check every file.

    Args:
        paths: folders (a folder per class, or any), images, or lists (CSV, Excel workbook). A row
            of a list with x and y in a field is a cell that is cut out there.
        output: cell table to write; files that did not change since it was written are not read
            again, and a run that was killed goes on.
        root: folder to which paths in lists are relative.
        stains: estimate stain vectors too.
        relabel: lists of corrected labels, in the order in which they were made.
        patient_from: where a path has the patient's id: ``folder:-1`` (the folder that holds the
            image), ``folder:-2``, or ``name:*_{id}_*`` (a pattern of file names).
        microns_per_pixel: pixel size of fields in which a list has places.
        progress: called with what begins, returns ``advance(done, total=...)``.
        say: told in a sentence which columns and folders were taken for what, and which labels are
            none of the 21 classes.

    Returns:
        The cell table; files that cannot be used have an ``error``.

    Raises:
        InputError: nothing was found, a path does not exist, or the table cannot be written.
    """
    place = None if output is None else Path(output)
    if place is not None:
        require_table_name(place, "output")
    return index_paths(
        path_list(paths), place, None if root is None else Path(root),
        None if progress is None else progress("indexing"),
        stains=stains, relabel=[Path(path) for path in relabel], patient_from=patient_from,
        microns_per_pixel=microns_per_pixel, say=say,
    )  # fmt: skip


def check(cells: Cells) -> CheckResult:
    """Count images per class beside the published counts; list bad files; say what is missing.

    Raises:
        InputError: the table cannot be read.
    """
    return check_table(as_table(cells))


def screen(
    cells: Cells, output: AnyPath | None = None, *, progress: Stage | None = None
) -> "ScreeningResult":
    """Find images that show parts of the same field, and keep one of each group.

    Args:
        cells: the table.
        output: table to write; a run that was killed goes on from what lies beside it.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Returns:
        ``.table``, in which the others have an ``error``, ``.pairs`` and ``.unread``.

    Raises:
        InputError: the table cannot be read or written.
    """
    # Here, because it compiles loops, which the other functions have no use for.
    from marrowscope.dataset.overlap_screening import screen as screen_table

    place = None if output is None else Path(output)
    if place is not None:
        require_table_name(place, "output")
    beside = None if place is None else place.with_name(place.name + ".landmarks")
    advance = None if progress is None else progress("screening")
    found = screen_table(as_table(cells), beside, advance)
    if place is not None:
        write_cells(found.table, place)
    return found


def split(
    cells: Cells,
    test: float | None = None,
    *,
    fold_count: int | None = None,
    by_list: AnyPath | None = None,
    seed: int = 0,
    output: AnyPath | None = None,
) -> Split:
    """Split by class, keeping patients (or slides) and identical images together.

    Args:
        cells: the table, with labels.
        test: share of each class to hold out; 0.2 where nothing else is asked for.
        fold_count: make this many folds instead.
        by_list: take the split from a list with ``split`` and ``cell_id``, path or file.
        seed: same seed and same cells, same split.
        output: table to write.

    Returns:
        ``.table`` with a column ``split`` or ``fold``, ``.counts()``, and ``.warnings``.

    Raises:
        InputError: more than one way to split, no labels, or a list that does not fit.
    """
    if sum(given is not None for given in (test, fold_count, by_list)) > 1:
        raise InputError("split: give one of test, fold_count and by_list")
    place = None if output is None else Path(output)
    if place is not None:
        require_table_name(place, "output")
    table = as_table(cells)
    with naming(cells):
        if by_list is not None:
            made = apply_split_list(table, Path(by_list))
        elif fold_count is not None:
            made = folds(table, fold_count, seed)
        else:
            made = hold_out(table, 0.2 if test is None else test, seed)
    if place is not None:
        write_cells(made.table, place)
    return made
