"""The command phantom: writes a set, says synthetic, refuses politely."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from marrowscope.cells import read_cells
from marrowscope.cli import main
from marrowscope.cli.app import app


def test_the_command_writes_a_set_and_says_that_it_is_synthetic(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    result = CliRunner().invoke(
        app, ["phantom", "-o", str(folder), "--per-class", "1", "--no-masks", "--json"]
    )
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["synthetic"] is True
    assert summary["images"] == 21
    assert read_cells(Path(summary["cells"])).height == 21
    assert "synthetic" in result.stderr
    assert not list(folder.glob("*/*.mask.png"))


def test_a_folder_with_other_things_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    monkeypatch.setattr("sys.argv", ["marrowscope", "phantom", "-o", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "holds something else" in error
