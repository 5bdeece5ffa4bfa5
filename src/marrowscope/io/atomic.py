"""Outputs appear whole or not at all: written beside their place, synced, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.io.exchange_names import exchange
from marrowscope.io.leftovers import ASIDE, MARK, claimed, clear_files, clear_folder, unlock


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
        clear_files(path.parent)
        temporary, held = claimed(partial(_hidden_file, path))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
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
    finally:
        unlock(held)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it takes the place of ``path``.

    The two change names in one step, so that one of them is there at any moment. Of a link to a
    folder, the folder it leads to is replaced. What a killed run left is removed first.

    Raises:
        InputError: as ``require_replaceable``.
    """
    given, path = path, _replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_folder(path)
        temporary, held = claimed(partial(_hidden_folder, path))
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
    finally:
        unlock(held)


@contextmanager
def replacing_together(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success its files move into that of ``path``.

    For several files that belong together, in a folder that may hold others: each takes the place
    of an earlier one only when all are written. What a killed run left is removed first.

    Raises:
        InputError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_files(path.parent)
        temporary, held = claimed(partial(_hidden_folder, path))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    try:
        yield temporary
        files = sorted(one for one in temporary.iterdir() if one.is_file())
        for one in files:
            _sync(one)
        for one in files:
            os.replace(one, path.parent / one.name)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        _remove(temporary)
        unlock(held)


def require_replaceable(path: Path) -> None:
    """Refuse a folder that ``replacing_folder`` could not put in its place, before long work.

    Raises:
        InputError: ``path`` is a file, a mount point or the working folder, or its parent cannot be
            written to.
    """
    real = _replaceable(path)
    clear_folder(real)
    there = next(parent for parent in real.parents if parent.exists())
    try:
        _remove(_hidden_folder(there / real.name))
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


def _hidden_file(path: Path) -> Path:
    """A new file beside ``path`` under a hidden name with the same suffix."""
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}-", suffix=MARK + path.suffix, dir=path.parent
    )
    os.close(handle)
    return Path(name)


def _hidden_folder(path: Path) -> Path:
    """A new folder beside ``path`` under a hidden name."""
    return Path(tempfile.mkdtemp(prefix=f".{path.name}-", suffix=MARK, dir=path.parent))


def _swap_in(new: Path, path: Path) -> None:
    if not path.exists():
        os.replace(new, path)
        return
    if exchange(new, path):
        shutil.rmtree(new, ignore_errors=True)
        return
    # Two steps. Killed between them, the next run gives the earlier folder its name back.
    aside = new.with_name(new.name.removesuffix(MARK) + ASIDE)
    os.replace(path, aside)
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
