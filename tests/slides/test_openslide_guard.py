"""OpenSlide is asked in a process that may die."""

import struct
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.slides import openslide_guard
from marrowscope.slides.openslide_guard import Probe, probe, probe_each
from support.dicom import write_level
from support.slide_files import noise, write_pyramid

IMAGE = noise(200, 300)


def test_the_format_and_the_series_are_told(tmp_path: Path) -> None:
    slide = write_pyramid(tmp_path / "a.tif", IMAGE)
    text = tmp_path / "text.svs"
    text.write_text("no slide")
    dicom = write_level(tmp_path / "a.dcm", IMAGE, 0, "1.2.3")
    assert probe_each([slide, text, dicom]) == [
        Probe("generic-tiff"),
        Probe(None),
        Probe("dicom", None, "1.2.3"),
    ]


def test_a_file_on_which_it_dies_is_one_line_and_the_others_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slide = write_pyramid(tmp_path / "a.tif", IMAGE)
    # A tile that says it has a gigabyte: OpenSlide reads it for the identity of the slide.
    data = bytearray(slide.read_bytes())
    bad = tmp_path / "bad.tif"
    monkeypatch.setattr(openslide_guard, "_PROGRAM", DYING + openslide_guard._PROGRAM)
    bad.write_bytes(data)
    answers = probe_each([slide, bad, slide])
    assert answers[0] == answers[2] == Probe("generic-tiff")
    assert answers[1] == "OpenSlide asked for too much memory, or crashed"
    with pytest.raises(InputError, match=r"bad\.tif: a damaged slide"):
        probe(bad)


# As a library would: an abort at a file of that name.
DYING = """
import sys, os
class _Lines:
    def __iter__(self):
        for line in sys.__stdin__.buffer:
            if bytes.fromhex(line.decode()).endswith(b"bad.tif"):
                sys.stdout.flush()
                os.abort()
            yield line
class _Stdin:
    buffer = _Lines()
sys.stdin = _Stdin()
"""


def test_a_file_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openslide_guard, "_PROGRAM", "while True: pass")
    monkeypatch.setattr(openslide_guard, "WALL_LIMIT", 0.2)
    path = tmp_path / "endless.tif"
    path.write_bytes(struct.pack("<4sI", b"II*\0", 8))
    with pytest.raises(InputError, match="did not come to an end"):
        probe(path)
