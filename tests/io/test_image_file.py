"""Files are read under a limit, and what cannot be read is named."""

import os
from pathlib import Path

import pytest

from marrowscope.io.image_file import ImageError, one_line, read_bytes, require_size


def test_files_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(ImageError, match=r"link\.jpg: broken link"):
        read_bytes(link)
    with pytest.raises(ImageError, match="no such file"):
        read_bytes(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="directory"):
        read_bytes(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match=r"empty\.png: empty file"):
        read_bytes(tmp_path / "empty.png")


def test_a_file_over_512_mb_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.tif").open("wb") as stream:
        stream.truncate(600_000_000)  # no byte of it is on the disk
    with pytest.raises(ImageError, match="600 MB; the limit is 512 MB"):
        read_bytes(tmp_path / "huge.tif")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="a pipe or device"):
        read_bytes(tmp_path / "pipe.jpg")


def test_over_64_megapixels_is_refused() -> None:
    require_size(8_000, 8_000, "a.png")
    with pytest.raises(ImageError, match=r"a\.png: 8001×8000 px is more than 64 megapixels"):
        require_size(8_001, 8_000, "a.png")


def test_what_a_library_says_is_one_line_without_control_characters() -> None:
    assert one_line("no VR '\n\x1b[31m\ufffd'") == "no VR ' [31m\ufffd'"
    assert one_line(ValueError()) == "ValueError"
