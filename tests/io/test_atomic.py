"""Outputs appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.io.atomic import (
    replacing,
    replacing_folder,
    replacing_together,
    require_replaceable,
)


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    with replacing(tmp_path / "deep/out.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "deep/out.txt").exists()
        assert temporary.suffix == ".txt"
    assert (tmp_path / "deep/out.txt").read_text() == "new"
    assert len(list((tmp_path / "deep").iterdir())) == 1


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_an_error_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path, error) -> None:
    (tmp_path / "out.txt").write_text("old")

    def write_half() -> None:
        with replacing(tmp_path / "out.txt") as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert (tmp_path / "out.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_one_line_with_the_name(tmp_path: Path) -> None:
    reason = r"out\.txt: cannot be written: No space left"
    with pytest.raises(InputError, match=reason), replacing(tmp_path / "out.txt"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_the_file_gets_the_permissions_of_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with replacing(tmp_path / "out.txt") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "out.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with replacing_folder(tmp_path / "out") as temporary:
            (temporary / text).write_text(text)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_of_a_link_the_folder_that_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with replacing_folder(tmp_path / "link") as temporary:
        (temporary / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/new").exists()


def test_what_cannot_be_replaced_is_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path / "work")
    for path, reason in (
        (Path("."), "is the working folder"),
        (Path("/proc"), "is a mount point"),
        (Path("/proc/report"), "cannot be written"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "file/below", "cannot be written"),
    ):
        with pytest.raises(InputError, match=reason):
            require_replaceable(path)
    require_replaceable(Path("new/below"))
    require_replaceable(tmp_path / "work/other")
    assert list((tmp_path / "work").iterdir()) == []


def test_an_error_leaves_the_earlier_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").write_text("old")

    def write_half() -> None:
        with replacing_folder(tmp_path / "out") as temporary:
            (temporary / "new").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_in_the_place_of_a_folder_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(InputError, match="is a file"), replacing_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "precious"


def test_a_place_below_a_file_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), replacing(tmp_path / "file/out.txt"):
        pass


def test_files_that_belong_together_take_their_places_when_all_are_written(tmp_path: Path) -> None:
    (tmp_path / "slide.tif").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")

    def write_half() -> None:
        with replacing_together(tmp_path / "slide.tif") as folder:
            (folder / "slide.tif").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "slide.tif"]
    assert (tmp_path / "slide.tif").read_text() == "old"
    with replacing_together(tmp_path / "slide.tif") as folder:
        for name in ("slide.tif", "slide.json"):
            (folder / name).write_text("new")
        assert (tmp_path / "slide.tif").read_text() == "old"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "mine.txt": "mine", "slide.tif": "new", "slide.json": "new",
    }  # fmt: skip


def test_what_a_killed_writer_of_such_files_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".slide.tif-a1b2c3d4.part"
    left.mkdir()
    (left / "slide.tif").write_text("half")
    with replacing_together(tmp_path / "slide.tif") as folder:
        (folder / "slide.tif").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["slide.tif"]
