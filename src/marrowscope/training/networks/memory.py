"""A training that fills memory → the same with freed blocks kept, and less on the GPU."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from marrowscope.errors import InputError
from marrowscope.training.pixel_source import PixelSource

_Result = TypeVar("_Result")


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


def within_gpu_memory(
    work: Callable[[bool], _Result],
    pixels: PixelSource,
    folder: Path,
    batch_size: int,
    resume: bool,
    say: Callable[[str], None],
) -> _Result:
    """Do it; where the GPU runs out of memory, continue without the pixels that lie there.

    Args:
        work: called with whether to continue from the last checkpoint.
        pixels: given back by the GPU when its memory ends, if they are there.
        folder: of the run.
        batch_size: that a user could lower.
        resume: for the first call.
        say: is told in one line.

    Raises:
        InputError: the memory ends with the pixels elsewhere.
    """
    while True:
        try:
            return work(resume)
        except torch.OutOfMemoryError as error:
            if not pixels.on_gpu:
                raise InputError(
                    f"{folder}: the GPU ran out of memory; lower batch_size in the recipe "
                    f"({batch_size}) or free the GPU, and start again"
                ) from error
        # Only here, where the error is gone: it holds on to what the step had in memory.
        pixels.leave_gpu()
        resume = True
        say(f"the GPU ran out of memory: pixels go back to {pixels.where}")
