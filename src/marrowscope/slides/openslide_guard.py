"""Whether OpenSlide knows a file, opens it and reads it, tried in a process that may die.

OpenSlide and the libraries below it are written in C. A file that was damaged in the wrong place,
or made to do harm, can let them ask for all memory, abort, or never come to an end. So the first
opening happens in a process of its own, with limits on memory and time, and some pixels of every
level are read there; it loads nothing but the library and costs some 0.1 s. What passes there is
opened here.
"""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from openslide import lowlevel

from marrowscope.errors import InputError

MEMORY_LIMIT = 4_000_000_000  # bytes of address space; the largest slides take a tenth
CPU_LIMIT = 8  # s; the slowest sound slides, of thousands of files, take one or two
WALL_LIMIT = 60.0  # s; slides on a sleepy network drive

# Runs without this package and without site packages. Every path gets one line of JSON: vendor,
# reason of the failure, series of a DICOM slide.
_PROGRAM = r"""
import ctypes, json, os, sys
try:
    import resource
    memory, seconds = int(sys.argv[2]), int(sys.argv[3])
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds),
                       (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):
            pass
except ImportError:
    pass
library = ctypes.CDLL(sys.argv[1])
text, handle = ctypes.c_char_p, ctypes.c_void_p
wide, high = ctypes.c_int64(), ctypes.c_int64()
for name, result, *arguments in (
    ("detect_vendor", text, text), ("open", handle, text), ("get_error", text, handle),
    ("get_level_count", ctypes.c_int32, handle), ("get_property_value", text, handle, text),
    ("get_level_dimensions", None, handle, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p),
    ("get_level_downsample", ctypes.c_double, handle, ctypes.c_int32), ("close", None, handle),
    ("read_region", None, handle, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
     ctypes.c_int32, ctypes.c_int64, ctypes.c_int64),
):
    function = getattr(library, "openslide_" + name)
    function.restype, function.argtypes = result, arguments
pixels = ctypes.create_string_buffer(1024 * 1024 * 4)

def tile_side(slide, level, axis):
    name = "openslide.level[%d].tile-%s" % (level, axis)
    told = library.openslide_get_property_value(slide, name.encode()) or b""
    return int(told) if told.isdigit() and 16 <= int(told) <= 1024 else 256

def places(path, slide):
    # All of a small file; of a large one two corners and the middle of every level.
    small = os.path.getsize(path) < 5_000_000
    for level in range(library.openslide_get_level_count(slide)):
        library.openslide_get_level_dimensions(slide, level, ctypes.byref(wide), ctypes.byref(high))
        sides = tile_side(slide, level, "width"), tile_side(slide, level, "height")
        across, along = max(0, wide.value - sides[0]), max(0, high.value - sides[1])
        down = library.openslide_get_level_downsample(slide, level)
        corners = {(0, 0), (across // 2, along // 2), (across, along)}
        if small and wide.value * high.value < 16_000_000:
            columns = range(0, wide.value, sides[0])
            corners = {(x, y) for y in range(0, high.value, sides[1]) for x in columns}
        for x, y in corners:
            yield int(x * down), int(y * down), level, *sides

def read(path, slide):
    for place in list(places(path, slide)):  # by tile: an error ends the reading of a region
        library.openslide_read_region(slide, pixels, *place)
        if library.openslide_get_error(slide) is not None:  # a damaged tile is no reason
            library.openslide_close(slide)
            slide = library.openslide_open(path)
            if not slide:
                return
    library.openslide_close(slide)

for line in sys.stdin.buffer:
    path = bytes.fromhex(line.decode())
    vendor = library.openslide_detect_vendor(path)
    reason = series = None
    if vendor is not None:
        slide = library.openslide_open(path)
        reason = library.openslide_get_error(slide) if slide else b"OpenSlide does not open it"
        if reason is None:
            series = library.openslide_get_property_value(slide, b"dicom.SeriesInstanceUID")
            answer = [one and one.decode("utf-8", "replace") for one in (vendor, reason, series)]
            read(path, slide)
        elif slide:
            library.openslide_close(slide)
    if vendor is None or reason is not None:
        answer = [one and one.decode("utf-8", "replace") for one in (vendor, reason, series)]
    print(json.dumps(answer), flush=True)
os._exit(0)
"""


@dataclass(frozen=True)
class Probe:
    """What OpenSlide says of a file.

    Attributes:
        vendor: its name for the format; None where it does not know it.
        failure: why the file cannot be opened; None where it can, or is of no format of it.
        series: of a DICOM slide.
    """

    vendor: str | None
    failure: str | None = None
    series: str | None = None


def probe(path: Path) -> Probe:
    """Ask OpenSlide for a file, outside of this process.

    Raises:
        InputError: OpenSlide crashed, asked for too much memory or did not come to an end; or the
            file names others outside of its folder.
        OSError: there is no such file.
    """
    _refuse_names_that_lead_away(path)
    status = path.stat()
    found = _probed(str(path.absolute()), status.st_size, status.st_mtime_ns, status.st_ino)
    if isinstance(found, str):
        raise InputError(f"{path}: a damaged slide: {found}")
    return found


def probe_each(paths: list[Path]) -> list[Probe | str]:
    """Ask for many files in one process; in place of one on which it died, how."""
    answers: list[Probe | str] = []
    while len(answers) < len(paths):
        answers += _asked(paths[len(answers) :])
    return answers


@lru_cache(256)
def _probed(path: str, size: int, changed: int, number: int) -> Probe | str:
    """Once for each state of a file: a source is opened several times in a run."""
    return probe_each([Path(path)])[0]


def _asked(paths: list[Path]) -> list[Probe | str]:
    """Answers until one process ends; at least one."""
    # -I and -S: neither the working folder nor site packages, which would take most of the time.
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        _PROGRAM,
        lowlevel._lib._name,
        str(MEMORY_LIMIT),
        str(CPU_LIMIT),
    ]
    questions = "".join(os.fsencode(path).hex() + "\n" for path in paths).encode()
    late = False
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            output, _ = process.communicate(questions, WALL_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            late = True
    answers: list[Probe | str] = []
    for line in output.splitlines():
        with contextlib.suppress(ValueError, TypeError):  # cut off when the process was ended
            answers.append(Probe(*json.loads(line)))
    if len(answers) < len(paths):
        slow = late or process.returncode in (-24, -9)  # SIGXCPU, or SIGKILL beyond it
        answers.append(
            "OpenSlide did not come to an end with it"
            if slow
            else "OpenSlide asked for too much memory, or crashed"
        )
    return answers[: len(paths)]


def _refuse_names_that_lead_away(path: Path) -> None:
    """Formats of several files name the others in a text: they must lie beside it.

    Raises:
        InputError: a name leads out of the folder of the slide.
    """
    index = path.with_suffix("") / "Slidedat.ini" if path.suffix.lower() == ".mrxs" else path
    if not index.is_file():
        return
    with index.open("rb") as stream:
        text = stream.read(1_000_000)
    if index == path and not text.lstrip(b"\xef\xbb\xbf \r\n").startswith(
        (b"[Virtual Microscope Specimen]", b"[Uncompressed Virtual Microscope Specimen]")
    ):
        return
    for line in text.splitlines():
        key, _, value = line.partition(b"=")
        parts = value.strip().replace(b"\\", b"/").split(b"/")
        named = b"file" in key.lower() and len(parts) > 1
        if named and (b".." in parts or parts[0] == b"" or parts[0].endswith(b":")):
            raise InputError(
                f"{path}: names a file outside of its folder; put all its files into one folder"
            )
