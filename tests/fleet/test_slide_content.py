"""State and hash of a slide follow its content, of all its files."""

import hashlib
import os
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.fleet.slide_content import content_sha256, content_state, slide_files


def test_one_file_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    slide = tmp_path / "a.svs"
    slide.write_bytes(b"pixels")
    os.utime(slide, ns=(5, 7))
    assert content_state(slide) == (1, 6, 7)
    assert content_sha256(slide) == hashlib.sha256(b"pixels").hexdigest()


def test_a_slide_of_many_files_changes_with_each_of_them(tmp_path: Path) -> None:
    slide, data = tmp_path / "a.mrxs", tmp_path / "a"
    slide.write_bytes(b"")
    data.mkdir()
    (data / "Data0001.dat").write_bytes(b"1")
    assert [path.name for path in slide_files(slide)] == ["a.mrxs", "Data0001.dat"]
    before, state = content_sha256(slide), content_state(slide)
    (data / "Data0001.dat").write_bytes(b"22")
    assert content_sha256(slide) != before
    assert content_state(slide) != state
    levels = tmp_path / "dicom"
    levels.mkdir()
    for number in range(2):
        (levels / f"{number}.dcm").write_bytes(b"level")
    assert slide_files(levels) == slide_files(levels / "0.dcm")


def test_what_is_not_there_has_no_state(tmp_path: Path) -> None:
    assert content_state(tmp_path / "a.svs") is None
    with pytest.raises(InputError, match=r"a\.svs: no such file"):
        content_sha256(tmp_path / "a.svs")
