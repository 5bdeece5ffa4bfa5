"""Cell tables: images come in, a table with labels, checks, overlaps and a split comes out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from marrowscope.api.arguments import (
    AnyPath,
    Cells,
    Say,
    as_table,
    file_names,
    naming,
    optional_path,
    path_list,
)
from marrowscope.cells import LABORATORY, require_table_name, write_cells
from marrowscope.dataset.cell_list import refuse_own_list
from marrowscope.dataset.contents import CheckResult
from marrowscope.dataset.contents import check as check_table
from marrowscope.dataset.discovery_rules import discovery_rules
from marrowscope.dataset.indexing import index as index_paths
from marrowscope.dataset.label_corrections import BEFORE, corrected_before
from marrowscope.dataset.laboratories import laboratories_before
from marrowscope.dataset.merging import MergeResult
from marrowscope.dataset.merging import merge as merge_tables
from marrowscope.dataset.split_lists import apply_split_list
from marrowscope.dataset.splitting import Split, hold_out
from marrowscope.dataset.splitting import folds as make_folds
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.io.image_encoding import encode_png
from marrowscope.progress import Stage
from marrowscope.report.overlap_sheet import overlap_sheet

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
    laboratory: str | None = None,
    laboratory_from: str | None = None,
    labels_from: str | None = None,
    mapping: AnyPath | Sequence[AnyPath] = (),
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
        laboratory: that made the images, where neither a list nor ``laboratory_from`` says it.
        laboratory_from: where a path has the name of the laboratory, as ``patient_from``.
        labels_from: where labels stand: ``folder``, ``name-prefix`` (of a file's name what stands
            before ``_``) or ``csv`` (a list); None: lists say it, else folders.
        mapping: what the laboratory calls its cells → class codes: YAML lines ``BA: BAS``, a list
            with ``name`` and ``code``, or the short name of one that comes with the package
            (``pbc``). Images whose name it does not map get an ``error``.
        microns_per_pixel: pixel size of images that do not state it, and of fields in which a list
            has places.
        progress: called with what begins, returns ``advance(done, total=...)``.
        say: told in a sentence which columns and folders were taken for what, and which labels are
            none of the 21 classes; and that corrections of an earlier table are lost.

    Returns:
        The cell table; files that cannot be used have an ``error``.

    Raises:
        InputError: nothing was found, a path does not exist, a mapping does not fit, or the table
            cannot be written.
    """
    place = optional_path(output)
    if place is not None:
        require_table_name(place)
        refuse_own_list(place, path_list(paths))
    rules = discovery_rules(
        patient_from, laboratory, laboratory_from, labels_from, path_list(mapping)
    )
    earlier = 0 if place is None else corrected_before(place)
    owners = [] if place is None else laboratories_before(place)
    table = index_paths(
        path_list(paths),
        place,
        optional_path(root),
        None if progress is None else progress("indexing"),
        stains=stains,
        relabel=[Path(path) for path in relabel],
        rules=rules,
        microns_per_pixel=microns_per_pixel,
        say=say,
    )
    lost = earlier - (table[BEFORE].count() if BEFORE in table.columns else 0)
    if lost > 0 and say is not None:
        say(
            f"{lost} labels corrected in the earlier {place} are no longer corrected; give every "
            "list again as `relabel`"
        )
    if owners and LABORATORY not in table.columns and say is not None:
        say(
            f"the earlier {place} named laboratories ({', '.join(owners)}), and this one names "
            "none; give `laboratory` or `laboratory_from` again to keep them"
        )
    return table


def merge(cells: Sequence[Cells], output: AnyPath | None = None) -> MergeResult:
    """Put cell tables below each other, such as those of several laboratories.

    Args:
        cells: two tables or more. Content that several hold counts once; under two labels, never.
        output: table to write.

    Returns:
        ``.table``, ``.repeated`` (rows excluded because of another table) and ``.warnings``.

    Raises:
        InputError: fewer than two tables, one cannot be read, or they do not fit together.
    """
    place = optional_path(output)
    if place is not None:
        require_table_name(place)
    names = [file_names([one]) or f"table {number}" for number, one in enumerate(cells, 1)]
    merged = merge_tables([(name, as_table(one)) for name, one in zip(names, cells, strict=True)])
    if place is not None:
        write_cells(merged.table, place)
    return merged


def check(cells: Cells) -> CheckResult:
    """Count images per class beside the published counts; list bad files; say what is missing.

    Raises:
        InputError: the table cannot be read.
    """
    return check_table(as_table(cells))


def screen(
    cells: Cells,
    output: AnyPath | None = None,
    *,
    pairs: AnyPath | None = None,
    sheet: AnyPath | None = None,
    progress: Stage | None = None,
) -> "ScreeningResult":
    """Find images that show parts of the same field, and keep one of each group.

    Args:
        cells: the table.
        output: table to write; a run that was killed goes on from what lies beside it.
        pairs: table of overlapping pairs to write (.parquet or .csv).
        sheet: contact sheet of the overlaps to write (.png), where there are any.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Returns:
        ``.table``, in which the others have an ``error``, ``.pairs`` and ``.unread``.

    Raises:
        InputError: the table cannot be read or written.
    """
    # Here, because it compiles loops, which the other functions have no use for.
    from marrowscope.dataset.overlap_screening import screen as screen_table

    place, pair_table, picture = map(optional_path, (output, pairs, sheet))
    if place is not None:
        require_table_name(place)
    if pair_table is not None:
        require_table_name(pair_table, "pairs")
    if picture is not None and picture.suffix.lower() != ".png":
        raise InputError(f"`sheet` {picture}: give it the suffix .png")
    beside = None if place is None else place.with_name(place.name + ".landmarks")
    advance = None if progress is None else progress("screening")
    found = screen_table(as_table(cells), beside, advance)
    if place is not None:
        write_cells(found.table, place)
    if pair_table is not None:
        write_cells(found.pairs, pair_table)
    if picture is not None and found.pairs.height:
        with replacing(picture) as temporary:
            temporary.write_bytes(encode_png(overlap_sheet(found.table, found.pairs)))
    return found


def split(
    cells: Cells,
    test: float | None = None,
    *,
    folds: int | None = None,
    by_list: AnyPath | None = None,
    seed: int = 0,
    output: AnyPath | None = None,
) -> Split:
    """Split by class, keeping patients (or slides) and identical images together.

    Where there are several laboratories, by class and laboratory.

    Args:
        cells: the table, with labels.
        test: share of each class to hold out; 0.2 where nothing else is asked for.
        folds: make this many folds instead.
        by_list: take the split from a list with ``split`` and ``cell_id``, path or file.
        seed: same seed and same cells, same split.
        output: table to write.

    Returns:
        ``.table`` with a column ``split`` or ``fold``, ``.counts()``, and ``.warnings``.

    Raises:
        InputError: more than one way to split, no labels, or a list that does not fit.
    """
    if sum(given is not None for given in (test, folds, by_list)) > 1:
        raise InputError("give one of `test`, `folds` and `by_list`")
    place = optional_path(output)
    if place is not None:
        require_table_name(place)
        refuse_own_list(place, () if by_list is None else (Path(by_list),))
    table = as_table(cells)
    with naming(cells):
        if by_list is not None:
            made = apply_split_list(table, Path(by_list))
        elif folds is not None:
            made = make_folds(table, folds, seed)
        else:
            made = hold_out(table, 0.2 if test is None else test, seed)
    if place is not None:
        write_cells(made.table, place)
    return made
