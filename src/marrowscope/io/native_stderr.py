"""What C decoders print on standard error: caught, so that it is used and not shown.

libjpeg goes on after damaged data and libtiff after odd tags. The only sign that they leave is a
line on the file descriptor of standard error, without a file name. Python's ``sys.stderr`` is
not involved, so it has to be caught one floor lower, for the whole process.

Who caused a line can be told only when one call runs at a time.
"""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

_STANDARD_ERROR = 2


class _Catcher:
    """Standard error of this process, led into a file while a block is inside."""

    def __init__(self) -> None:
        self.alone = threading.Lock()
        self.kept: int | None = None  # where standard error really leads, while it is led away
        self.file: IO[bytes] | None = None  # made once, lives as long as the process

    def lead_away(self) -> None:
        try:
            self.kept = os.dup(_STANDARD_ERROR)
        except OSError:  # it is closed: nothing to catch
            return
        try:
            if self.file is None:
                self.file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by the end
            os.dup2(self.file.fileno(), _STANDARD_ERROR)
        except OSError:
            os.close(self.kept)
            self.kept = None
            raise

    def lead_back(self, pattern: re.Pattern[bytes]) -> list[str]:
        """The lines that fit; the others are passed on."""
        if self.kept is None or self.file is None:
            return []
        os.dup2(self.kept, _STANDARD_ERROR)
        os.close(self.kept)
        self.kept = None
        text = _taken(self.file)
        return _sort_out(text, pattern) if text else []


_catcher = _Catcher()


def _renew_after_fork() -> None:
    global _catcher
    # Other threads may have been inside, and they are not in this process; the file's offset is
    # shared with the parent.
    if _catcher.kept is not None:
        with suppress(OSError):
            os.dup2(_catcher.kept, _STANDARD_ERROR)
            os.close(_catcher.kept)
    _catcher = _Catcher()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


@contextmanager
def capture_native_stderr(pattern: re.Pattern[bytes]) -> Iterator[list[str]]:
    """Catch lines that match ``pattern``; the list is filled when the block ends.

    One block runs at a time. What else was written meanwhile, by other threads, is passed on.
    Where standard error is closed nothing is caught.
    """
    lines: list[str] = []
    catcher = _catcher
    with catcher.alone:
        try:
            catcher.lead_away()
            yield lines
        finally:
            if catcher is _catcher:  # not in a child that was forked in the middle
                lines += catcher.lead_back(pattern)


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
