"""Two paths go in, and each has the name of the other, in one step that nobody sees half done.

Linux: ``renameat2`` with ``RENAME_EXCHANGE`` (Linux 3.15, glibc 2.28); macOS: ``renamex_np`` with
``RENAME_SWAP``. Elsewhere, and on file systems without it, nothing happens.
"""

import ctypes
import os
import sys
from pathlib import Path

_HERE = -100  # AT_FDCWD: relative paths begin at the working folder
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files or folders of one file system; False where it cannot be."""
    if sys.platform == "win32":
        return False
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return bool(library.renamex_np(first, second, ctypes.c_uint(_EXCHANGE)) == 0)
        flags = ctypes.c_uint(_EXCHANGE)
        return bool(library.renameat2(_HERE, first, _HERE, second, flags) == 0)
    except (AttributeError, OSError):  # a C library without it
        return False
