"""Decoders are silent inside a block, and the process is as it was afterwards."""

import logging
import subprocess
import sys
import threading
import warnings

import cv2
import pytest
from PIL import Image

from marrowscope.io.quiet_decoders import quiet_decoders


def settings() -> tuple[object, ...]:
    levels = [logging.getLogger(name).level for name in ("PIL", "tifffile")]
    return (*levels, cv2.utils.logging.getLogLevel(), list(warnings.filters))


def test_warnings_and_levels_are_changed_inside_only() -> None:
    before = settings()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet_decoders():
            assert logging.getLogger("PIL").level == logging.CRITICAL
            warnings.warn("a bomb", Image.DecompressionBombWarning, stacklevel=1)
        warnings.warn("a bomb", Image.DecompressionBombWarning, stacklevel=1)
    assert len(caught) == 1
    assert settings() == before


def test_an_error_inside_leaves_nothing_changed() -> None:
    before = settings()
    with pytest.raises(KeyError, match="inside"), quiet_decoders():
        raise KeyError("inside")
    assert settings() == before


def test_blocks_of_several_threads_may_overlap_in_any_order() -> None:
    before = settings()
    entered, leave = threading.Event(), threading.Event()

    def block() -> None:
        with quiet_decoders():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=block)
    with quiet_decoders():
        thread.start()
        entered.wait()
    assert logging.getLogger("tifffile").level == logging.CRITICAL  # the other is still inside
    leave.set()
    thread.join()
    assert settings() == before


def test_importing_the_readers_changes_neither_filters_nor_levels() -> None:
    program = (
        "import logging, warnings, cv2, PIL.Image, tifffile, openslide, polars\n"
        "def now():\n"
        "    levels = [logging.getLogger(n).level for n in ('PIL', 'tifffile')]\n"
        "    return levels, cv2.utils.logging.getLogLevel(), list(warnings.filters)\n"
        "before = now()\n"
        "import marrowscope.io.image_inspection, marrowscope.io.image_encoding\n"
        "import marrowscope.slides.open_slide\n"
        "print(now() == before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("True", "")
