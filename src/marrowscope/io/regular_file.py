"""Read a file that a user names: regular files only, under a limit of bytes.

A pipe or a device can keep a reader waiting for ever. So can what a kernel offers as a file
(``/proc/kmsg``): that says that it is regular and has no bytes.
"""

import os
import stat
from pathlib import Path

from marrowscope.errors import InputError


def read_regular(path: Path, limit: int) -> bytes:
    """The content of a file; b"" of one that says that it is empty, which is not opened.

    Args:
        path: of the file; links are followed.
        limit: bytes; a larger file is refused.

    Raises:
        InputError: missing, not permitted, not a regular file, or larger than the limit.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        reason = "broken link" if os.path.islink(path) else "no such file or folder"
        raise InputError(f"{path}: {reason}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:  # a zero byte in a name
        raise InputError(f"{str(path)!r}: not a path") from None
    kind = unusable_kind(status.st_mode)
    if kind is not None:
        raise InputError(f"{path}: cannot be read: {kind}, not a file")
    if status.st_size > limit:
        raise InputError(f"{path}: {status.st_size / 1e6:.0f} MB; the limit is {limit // 10**6} MB")
    if status.st_size == 0:
        return b""
    try:
        with open(path, "rb") as stream:
            return stream.read(limit)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def unusable_kind(mode: int) -> str | None:
    """What a file is that cannot be read like one; None of a regular file."""
    if stat.S_ISREG(mode):
        return None
    return "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
