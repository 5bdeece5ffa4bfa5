"""An error about a table → one that begins with the name of its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marrowscope.errors import InputError, TableError


@contextmanager
def naming(*paths: Path | str) -> Iterator[None]:
    """Put the file, or files, in front of what is wrong with the table that was read there."""
    try:
        yield
    except TableError as error:
        raise InputError(f"{', '.join(map(str, paths))}: {error}") from None
