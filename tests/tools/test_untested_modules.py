"""The list of modules without a test of the same name."""

from pathlib import Path

from untested_modules import unmatched


def test_a_test_counts_only_in_the_folder_of_its_module(tmp_path: Path) -> None:
    for name in ("source/room/cells.py", "source/room/glass.py", "source/_about.py",
                 "tests/room/test_cells.py", "tests/other/test_glass.py"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    untested, others = unmatched(tmp_path / "source", tmp_path / "tests")
    assert [str(path) for path in untested] == ["room/glass.py"]
    assert [str(path) for path in others] == ["other/test_glass.py"]
