"""Only regular files are read, under a limit."""

import os
import stat
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.io.regular_file import read_regular, unusable_kind


def test_a_file_is_read_whole_and_a_larger_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_regular(tmp_path / "a", 5) == b"12345"
    with pytest.raises(InputError, match="the limit is 0 MB"):
        read_regular(tmp_path / "a", 4)


def test_pipes_folders_and_what_is_not_there_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, reason in (
        ("pipe.csv", "a pipe or device, not a file"), (".", "a folder, not a file"),
        ("none.csv", "no such file"), ("link", "broken link"), ("a\0b", "not a path"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=reason):
            read_regular(tmp_path / name, 100)


def test_kinds_of_files() -> None:
    assert unusable_kind(stat.S_IFREG) is None
    assert unusable_kind(stat.S_IFDIR) == "a folder"
    assert unusable_kind(stat.S_IFCHR) == unusable_kind(stat.S_IFIFO) == "a pipe or device"


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="no kernel log")
def test_a_kernel_log_that_calls_itself_an_empty_file_is_not_opened() -> None:
    assert read_regular(Path("/proc/kmsg"), 100) == b""
