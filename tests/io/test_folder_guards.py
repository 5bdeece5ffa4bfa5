from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.io.folder_guards import entry_names, is_taken, require_earlier_output, require_only


def test_a_new_and_an_empty_folder_are_free_a_file_and_a_full_folder_are_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert not is_taken(tmp_path / "new")
    assert not is_taken(tmp_path / "empty")
    assert is_taken(tmp_path / "file")
    assert is_taken(tmp_path)


def test_an_earlier_output_may_be_replaced_and_another_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "report.html").touch()
    assert require_only(tmp_path, {"report.html", "data.json"}, "a report") == {"report.html"}
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match=r"holds mine\.txt, which is not part of a report"):
        require_only(tmp_path, {"report.html"}, "a report")
    assert (tmp_path / "mine.txt").exists()


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: cannot be written"):
        entry_names(tmp_path / "file")
    assert entry_names(tmp_path / "new") == set()


def test_only_an_earlier_output_of_the_same_kind_is_replaced(tmp_path: Path) -> None:
    marks = {"cells.csv": None, "README.txt": b"drawn"}
    folder = tmp_path / "set"
    require_earlier_output(folder, marks)  # not there yet
    folder.mkdir()
    require_earlier_output(folder, marks)
    (folder / "README.txt").write_bytes(b"drawn")
    (folder / "cells.csv").write_text("any")
    require_earlier_output(folder, marks)
    (folder / "README.txt").write_bytes(b"\xff of somebody else")
    with pytest.raises(InputError, match="holds something else"):
        require_earlier_output(folder, marks)
    (folder / "README.txt").unlink()
    with pytest.raises(InputError, match="holds something else"):
        require_earlier_output(folder, marks)
