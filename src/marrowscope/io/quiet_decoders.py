"""Silence for libraries that decode: inside a block they neither warn nor log, nor make things up.

What they would say comes without a file name; our own errors say it with one. Filters and levels
belong to the whole process, so they are changed when the first block begins, whatever its thread,
and put back when the last one ends.
"""

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from PIL import Image, ImageFile

_LOGGERS = ("PIL", "tifffile")


class _Silence:
    """How many blocks are inside, and what was set before the first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.filters: warnings.catch_warnings[None] | None = None
        self.levels: dict[str, int] = {}
        self.opencv = 0
        self.halves = False

    def begin(self) -> None:
        with self.lock:
            self.blocks += 1
            if self.blocks > 1:
                return
            self.filters = warnings.catch_warnings()
            self.filters.__enter__()
            # Our own, stricter limit takes the place of Pillow's.
            warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            self.levels = {name: logging.getLogger(name).level for name in _LOGGERS}
            for name in _LOGGERS:
                logging.getLogger(name).setLevel(logging.CRITICAL)
            self.opencv = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
            self.halves = ImageFile.LOAD_TRUNCATED_IMAGES

    def end(self) -> None:
        with self.lock:
            self.blocks -= 1
            if self.blocks or self.filters is None:
                return
            self.filters.__exit__(None, None, None)
            for name, level in self.levels.items():
                logging.getLogger(name).setLevel(level)
            cv2.utils.logging.setLogLevel(self.opencv)
            if self.halves:  # as it was before, also where somebody set it meanwhile
                ImageFile.LOAD_TRUNCATED_IMAGES = True


_silence = _Silence()


def _renew_after_fork() -> None:
    # Threads that were inside are not in this process, and one may have held the lock.
    global _silence
    _silence = _Silence()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """No warnings of Pillow, no log lines of Pillow, tifffile and OpenCV, until the block ends."""
    silence = _silence
    silence.begin()
    try:
        yield
    finally:
        if silence is _silence:  # not in a child that was forked in the middle
            silence.end()


@contextmanager
def no_half_images() -> Iterator[None]:
    """Pillow raises where pixels are missing, until the block ends.

    Other libraries (WeasyPrint) and programs ask it for half images, black where nothing is, for
    the whole process. What they asked for holds again when the last ``quiet_decoders`` block ends.
    """
    with quiet_decoders():
        if ImageFile.LOAD_TRUNCATED_IMAGES:
            _silence.halves, ImageFile.LOAD_TRUNCATED_IMAGES = True, False
        yield
