"""What a killed run left beside an output → removed or finished by the next run with that output.

An output is written under a hidden name beside its place. While its writer lives it holds a lock
on it, which the system lifts when the writer dies in whatever way; so what is not locked is left
over, and what is locked belongs to another run and stays. Where there are no such locks (Windows,
some network drives) nothing is taken for a leftover.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = ".part"  # of what is being written, or was replaced and is to be removed
ASIDE = ".aside"  # of a folder that a new one is about to replace
_RANDOM = r"-[a-z0-9_]{8}"


def lock(path: Path) -> int | None:
    """Hold a file or folder as being written; None where the system has no such locks.

    Returns:
        A file descriptor, to be closed when the writing ends.

    Raises:
        BlockingIOError: another one holds it.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return handle


def unlock(handle: int | None) -> None:
    """Let go of what ``lock`` gave."""
    if handle is not None:
        with suppress(OSError):
            os.close(handle)


def claimed(make: Callable[[], Path]) -> tuple[Path, int | None]:
    """A new file or folder with a lock on it.

    Args:
        make: makes one; called again where a run that tidies up took the first for a leftover.
    """
    for _ in range(20):
        path = make()
        with suppress(BlockingIOError):
            handle = lock(path)
            if path.exists():
                return path, handle
            unlock(handle)
    return make(), None


@contextmanager
def _if_dead(path: Path) -> Iterator[bool]:
    """Whether nobody writes a file or folder; nobody else can tidy it up meanwhile."""
    try:
        handle = lock(path)
    except BlockingIOError:
        handle = None
    try:
        yield handle is not None
    finally:
        unlock(handle)


def clear_folder(path: Path) -> None:
    """Remove what killed runs left of this output folder, and finish a replacement cut in two."""
    for found in _left_over(path.parent, re.escape(path.name), ASIDE):
        with _if_dead(found) as dead, suppress(OSError):
            if dead and path.exists():
                shutil.rmtree(found, ignore_errors=True)
            elif dead:  # killed between two renames: give the earlier output its name back
                os.rename(found, path)
    _clear(path.parent, re.escape(path.name), MARK)


_cleared: set[Path] = set()


def clear_files(folder: Path) -> None:
    """Remove what killed runs left of outputs in a folder; once in the life of a process."""
    if folder not in _cleared:
        _cleared.add(folder)
        _clear(folder, ".*", MARK + r"(\.\w+)?")


def _clear(folder: Path, stem: str, mark: str) -> None:
    for found in _left_over(folder, stem, mark):
        with _if_dead(found) as dead, suppress(OSError):  # OSError: of another user
            if dead and found.is_dir():
                shutil.rmtree(found, ignore_errors=True)
            elif dead:
                found.unlink(missing_ok=True)


def _left_over(folder: Path, stem: str, mark: str) -> Iterator[Path]:
    pattern = re.compile(rf"\.{stem}{_RANDOM}{mark}", re.DOTALL)
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return
    yield from (folder / name for name in sorted(names) if pattern.fullmatch(name))
