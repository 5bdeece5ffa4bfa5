"""A folder is filled file by file; killed in the middle, the next run begins it anew."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.io.leftovers import MARK, lock, unlock

_MARK = ".unfinished"  # lies in the folder while it is being filled


@contextmanager
def filling(folder: Path, own: re.Pattern[str]) -> Iterator[None]:
    """Mark a folder as unfinished until the block ends well.

    Args:
        folder: new, empty, or left unfinished by an earlier run, whose files are removed first.
        own: names of the files that such a run writes.

    Raises:
        InputError: it is a file, holds something else, is being filled by another run, or cannot
            be written to.
    """
    mark = folder / _MARK
    try:
        names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    except NotADirectoryError:
        raise InputError(f"{folder}: is a file; name a folder") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    written = {name for name in names if own.fullmatch(name) or MARK in name}
    if names and (_MARK not in names or names - written - {_MARK}):
        raise InputError(f"{folder}: is not an empty folder; choose another one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
        handle = lock(mark)
        for name in written:
            (folder / name).unlink(missing_ok=True)
    except BlockingIOError:
        raise InputError(f"{folder}: another run is writing to it; choose another one") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    try:
        yield
        os.unlink(mark)
    finally:
        unlock(handle)
