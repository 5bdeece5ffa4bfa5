"""Arguments that many functions of the interface share: paths, cell tables, classes, progress."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import polars as pl

from marrowscope.cells import read_cells
from marrowscope.cluster.cluster_choice import ClusterChoice, parse_cluster
from marrowscope.errors import InputError, TableError
from marrowscope.extras import require_extra
from marrowscope.morphology import TOLERATED, load_tolerated
from marrowscope.progress import Advance, Stage

AnyPath: TypeAlias = str | os.PathLike[str]
# Is told in a line what a user should know.
Say: TypeAlias = Callable[[str], None]


@runtime_checkable
class HasTable(Protocol):
    """A result that carries a cell table: of a split, a screen, an evaluation."""

    @property
    def table(self) -> pl.DataFrame:
        """One row per cell."""


Cells: TypeAlias = pl.DataFrame | HasTable | AnyPath
# Pairs of classes that count as right in tolerant scores, or a YAML list of them.
Tolerated: TypeAlias = Iterable[Iterable[str]] | AnyPath


def as_table(cells: Cells, needs: Sequence[str] = ()) -> pl.DataFrame:
    """A cell table as given, of a result, or read from a file.

    Raises:
        InputError: it cannot be read, or lacks a needed column.
    """
    if isinstance(cells, str | os.PathLike):
        return read_cells(Path(cells), needs)
    table = cells if isinstance(cells, pl.DataFrame) else cells.table
    missing = [name for name in needs if name not in table.columns]
    if missing:
        raise TableError(f"the table has no column {', '.join(missing)}")
    return table


@contextmanager
def naming(*cells: object) -> Iterator[None]:
    """Errors about a table begin with the names of the files, where they are such."""
    try:
        yield
    except TableError as error:
        names = file_names(cells)
        if names:
            raise InputError(f"{names}: {error}") from None
        raise


def file_names(given: Iterable[object]) -> str:
    """Those of the arguments that are paths, with commas between."""
    return ", ".join(os.fspath(one) for one in given if isinstance(one, str | os.PathLike))


def path_list(given: AnyPath | Sequence[AnyPath]) -> list[Path]:
    """One path or several as a list."""
    if isinstance(given, str | os.PathLike):
        return [Path(given)]
    return [Path(one) for one in given]


def optional_path(given: AnyPath | None) -> Path | None:
    """A path, where there is one."""
    return None if given is None else Path(given)


def cluster_choice(cluster: str | None, per_task: Sequence[str] = ()) -> ClusterChoice | None:
    """The cluster that was named; None for this process.

    Raises:
        InputError: the extra is missing, or what was said makes no sense.
    """
    if cluster is None:
        if per_task:
            raise InputError("`per_task` says what tasks of a cluster get; name a `cluster`, too")
        return None
    require_extra("cluster", "`cluster`")
    return parse_cluster(cluster, per_task)


def class_codes(given: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """Codes as a list or in one text with commas, each once, in their order."""
    if given is None:
        return None
    codes = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(code.strip() for code in codes if code.strip()))


def tolerated_pairs(given: Tolerated | None) -> frozenset[frozenset[str]]:
    """Pairs as given, of a file, or those of the study.

    Raises:
        InputError: the file cannot be read, or an entry is no pair.
    """
    if given is None:
        return TOLERATED
    if isinstance(given, str | os.PathLike):
        return load_tolerated(Path(given))
    return frozenset(frozenset(pair) for pair in given)


def begin(progress: Stage | None, description: str) -> Advance:
    """The progress of work that begins now, and is shown although none of it is done."""
    if progress is None:
        return lambda count=1, /, *, total=None: None
    advance = progress(description)
    advance(0)
    return advance
