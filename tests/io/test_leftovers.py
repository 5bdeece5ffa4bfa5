"""After a kill at any moment the next run with that output finds things whole, and tidies up."""

import subprocess
import sys
from pathlib import Path

import pytest

from marrowscope.io import atomic
from marrowscope.io.atomic import replacing, replacing_folder, require_replaceable
from marrowscope.io.leftovers import clear_files

# Writes the folder (or file) that it is given, and dies in the way that it is given.
WRITER = """
import os, sys, shutil
from pathlib import Path
from marrowscope.io import atomic
place, moment = Path(sys.argv[1]), sys.argv[2]
die = lambda *_, **__: os._exit(9)
if moment.endswith("without exchange"):
    atomic.exchange = lambda one, other: False
if moment.startswith("before the exchange"):
    atomic.exchange = die
if moment.startswith("between the renames"):
    real = os.replace
    os.replace = lambda one, other: die() if Path(other) == place else real(one, other)
if moment.startswith("before the old one is removed"):
    shutil.rmtree = die
with atomic.replacing_folder(place) as new:
    (new / "new").write_text("new")
    if moment.startswith("in the middle"):
        die()
"""
MOMENTS = (
    "in the middle",
    "before the exchange",
    "before the old one is removed",
    "between the renames, without exchange",
    "before the old one is removed, without exchange",
)


def killed_at(moment: str, place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WRITER, place, moment], check=False)
    assert done.returncode == 9


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_the_old_or_the_new_folder_is_there_and_nothing_beside_it(
    moment: str, tmp_path: Path
) -> None:
    place = tmp_path / "out"
    place.mkdir()
    (place / "old").write_text("old")
    killed_at(moment, place)
    if "between" not in moment:  # of two renames nothing better can be had
        assert [path.name for path in place.iterdir()] in (["old"], ["new"])
    assert [path.name for path in tmp_path.iterdir()] != ["out"]  # something was left
    require_replaceable(place)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in place.iterdir()] in (["old"], ["new"])
    with replacing_folder(place) as new:
        (new / "newer").touch()
    assert [path.name for path in place.iterdir()] == ["newer"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_first_folder_that_was_never_finished_is_removed(tmp_path: Path) -> None:
    killed_at("in the middle", tmp_path / "out")
    assert len(list(tmp_path.iterdir())) == 1
    with replacing_folder(tmp_path / "out") as new:
        (new / "a").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_another_run_is_writing_stays(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "out") as first:
        (first / "one").touch()
        require_replaceable(tmp_path / "out")
        with replacing_folder(tmp_path / "out") as second:
            (second / "two").touch()
        assert (first / "one").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one"]


def test_files_of_the_user_with_like_names_stay(tmp_path: Path) -> None:
    own = (".out-abcdefgh", ".outer-abcdefgh.part", "out-abcdefgh.part", ".out.part", ".env")
    for name in own:
        (tmp_path / name).mkdir()
    with replacing_folder(tmp_path / "out") as new:
        (new / "a").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"out", *own}


def test_a_file_left_by_a_killed_run_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".cells-ab12_x9z.part.parquet").touch()
    (tmp_path / ".config").touch()
    with replacing(tmp_path / "other.csv") as temporary:
        clear_files.__globals__["_cleared"].clear()
        clear_files(tmp_path)  # as another run does it now
        temporary.write_text("a")
    assert {path.name for path in tmp_path.iterdir()} == {"other.csv", ".config"}


def test_without_an_exchange_in_one_step_a_folder_is_replaced_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "exchange", lambda one, other: False)
    for text in ("one", "two"):
        with replacing_folder(tmp_path / "out") as new:
            (new / text).touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
