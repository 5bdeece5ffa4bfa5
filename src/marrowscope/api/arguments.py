"""Arguments that many functions of the interface share: paths, cell tables, progress."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import polars as pl

from marrowscope.cells import read_cells
from marrowscope.errors import InputError, TableError

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
def naming(cells: object) -> Iterator[None]:
    """Errors about a table begin with the name of its file, where it is one."""
    try:
        yield
    except TableError as error:
        if isinstance(cells, str | os.PathLike):
            raise InputError(f"{os.fspath(cells)}: {error}") from None
        raise


def path_list(given: AnyPath | Sequence[AnyPath]) -> list[Path]:
    """One path or several as a list."""
    if isinstance(given, str | os.PathLike):
        return [Path(given)]
    return [Path(one) for one in given]
