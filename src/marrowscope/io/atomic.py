"""Outputs appear whole or not at all: written beside their place, synced, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from marrowscope.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; rename it to ``path`` on success.

    On any error the temporary file is removed and an earlier ``path`` stays as it was. The
    temporary name keeps the suffix, because many writers choose the format by it.

    Raises:
        InputError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        _remove(temporary)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except BaseException:
        _remove(temporary)
        raise


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it takes the place of ``path``.

    A folder already there is moved aside first and removed only after the new one stands. Of a
    link to a folder, the folder it leads to is replaced.

    Raises:
        InputError: as ``require_replaceable``.
    """
    given, path = path, _replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise InputError(f"{given}: cannot be written: {error.strerror or error}") from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        _swap_in(temporary, path)
    except OSError as error:
        _remove(temporary)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except BaseException:
        _remove(temporary)
        raise


def require_replaceable(path: Path) -> None:
    """Refuse a folder that ``replacing_folder`` could not put in its place, before long work.

    Raises:
        InputError: ``path`` is a file, a mount point or the working folder, or its parent cannot be
            written to.
    """
    real = _replaceable(path)
    there = next(parent for parent in real.parents if parent.exists())
    try:
        _remove(Path(tempfile.mkdtemp(prefix=f".{real.name}-", dir=there)))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _replaceable(given: Path) -> Path:
    """Where a link leads to."""
    path = Path(os.path.realpath(given))
    if path.exists() and not path.is_dir():
        raise InputError(f"{given}: is a file; name a folder for this output")
    if path.is_dir() and (os.path.ismount(path) or path == Path.cwd()):
        what = "a mount point" if os.path.ismount(path) else "the working folder"
        raise InputError(
            f"{given}: is {what} and cannot be replaced as a whole; name a new folder inside of it"
        )
    return path


def _swap_in(new: Path, path: Path) -> None:
    if not path.exists():
        os.replace(new, path)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
    os.replace(path, aside / "old")
    os.replace(new, path)
    shutil.rmtree(aside, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
