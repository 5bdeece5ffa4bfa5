"""Two folders exchange their names in one step, where the system can."""

import sys
from pathlib import Path

import pytest

from marrowscope.io.exchange_names import exchange


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such call")
def test_two_folders_exchange_their_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not exchange(tmp_path / "one", tmp_path / "two"):
        pytest.skip("this file system cannot exchange names")
    assert (tmp_path / "one/two").exists()
    assert (tmp_path / "two/one").exists()


def test_what_is_not_there_is_not_exchanged(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    assert not exchange(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "one").exists()
