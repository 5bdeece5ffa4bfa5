"""What C decoders print on standard error: caught, so that it is used and not shown.

libjpeg goes on after damaged data and libtiff after odd tags. The only sign that they leave is a
line on the file descriptor of standard error, without a file name. Python's ``sys.stderr`` is
not involved, so it has to be caught one floor lower, for the whole process; a lock makes sure that
a line is ascribed to the call that caused it.
"""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

_STANDARD_ERROR = 2

_lock = threading.Lock()
_file: IO[bytes] | None = None


def _renew_after_fork() -> None:
    global _lock, _file
    # Another thread may have held the lock; the file's offset is shared with the parent.
    _lock, _file = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


@contextmanager
def caught(pattern: re.Pattern[bytes]) -> Iterator[list[str]]:
    """Catch lines that match ``pattern``; the list is filled when the block ends.

    What else was written meanwhile, by other threads, is passed on. Where standard error is closed
    nothing is caught.
    """
    global _file
    lines: list[str] = []
    with _lock:
        try:
            kept = os.dup(_STANDARD_ERROR)
        except OSError:
            yield lines
            return
        try:
            if _file is None:
                _file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
            os.dup2(_file.fileno(), _STANDARD_ERROR)
            try:
                yield lines
            finally:
                os.dup2(kept, _STANDARD_ERROR)
                if _file.seek(0, os.SEEK_CUR):
                    lines += _sort_out(_taken(_file), pattern)
        finally:
            os.close(kept)


def _taken(file: IO[bytes]) -> bytes:
    file.seek(0)
    text = file.read()
    file.seek(0)
    file.truncate()
    return text


def _sort_out(text: bytes, pattern: re.Pattern[bytes]) -> list[str]:
    lines, others = [], []
    for line in text.splitlines(keepends=True):
        if pattern.match(line):
            lines.append(line.decode(errors="replace").strip())
        else:
            others.append(line)
    if others:
        with suppress(OSError):
            os.write(_STANDARD_ERROR, b"".join(others))
    return lines
