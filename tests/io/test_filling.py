"""A folder that is filled file by file: begun anew after a kill, and nothing else is lost."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.io.filling import filling

CROPS = re.compile(r"crop\d\.png")


def killed_run(folder: Path, *names: str) -> None:
    code = (
        "import os, re, sys; from pathlib import Path\n"
        "from marrowscope.io.filling import filling\n"
        "with filling(Path(sys.argv[1]), re.compile('x')):\n"
        "    [(Path(sys.argv[1]) / name).touch() for name in sys.argv[2:]]\n"
        "    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, folder, *names]).returncode == 9


def test_a_full_folder_holds_what_was_written_and_no_mark(tmp_path: Path) -> None:
    with filling(tmp_path / "deep/crops", CROPS):
        (tmp_path / "deep/crops/crop1.png").touch()
    assert [path.name for path in (tmp_path / "deep/crops").iterdir()] == ["crop1.png"]


def test_what_a_killed_run_wrote_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    killed_run(folder, "crop1.png", "crop2.png", ".crop3-abcdefgh.part.png")
    with filling(folder, CROPS):
        assert [path.name for path in folder.iterdir()] == [".unfinished"]
        (folder / "crop2.png").touch()
    assert [path.name for path in folder.iterdir()] == ["crop2.png"]


def test_an_error_leaves_the_folder_open_for_another_attempt(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), filling(tmp_path / "crops", CROPS):
        raise RuntimeError
    with filling(tmp_path / "crops", CROPS):
        pass
    assert list((tmp_path / "crops").iterdir()) == []


@pytest.mark.parametrize("marked", [False, True])
def test_a_folder_with_anything_else_is_refused_and_stays(marked: bool, tmp_path: Path) -> None:
    if marked:
        killed_run(tmp_path, "crop1.png")
    (tmp_path / "precious.txt").touch()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="not an empty folder"), filling(tmp_path, CROPS):
        pass
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_another_run_fills_is_refused(tmp_path: Path) -> None:
    with filling(tmp_path, CROPS):
        (tmp_path / "crop1.png").touch()
        with pytest.raises(InputError, match="another run"), filling(tmp_path, CROPS):
            pass
        assert (tmp_path / "crop1.png").exists()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crops").touch()
    with pytest.raises(InputError, match="is a file"), filling(tmp_path / "crops", CROPS):
        pass
