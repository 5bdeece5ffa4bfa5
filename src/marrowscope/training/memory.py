"""Keep memory that a training step frees for the next one."""

import ctypes
import os
import sys


def keep_freed_memory() -> None:
    """Ask glibc to keep freed blocks for the next step instead of giving them back.

    A step frees and takes the same few hundred megabytes; each time anew from the operating
    system means clearing every page (measured with benchmarks/training_memory.py).
    """
    if sys.platform.startswith("linux") and os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except (OSError, AttributeError):  # another C library
            return
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
        mallopt(mmap_threshold, 2**31 - 1)
        mallopt(trim_threshold, 2**31 - 1)
