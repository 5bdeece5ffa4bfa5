"""The command phantom: writes a set, says synthetic, refuses politely."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from marrowscope.cells import read_cells
from marrowscope.cli import main
from marrowscope.cli.app import app
from marrowscope.io.image_decoding import MASK_SUFFIX, read_image


def test_the_command_writes_a_set_and_says_that_it_is_synthetic(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    result = CliRunner().invoke(
        app, ["phantom", "cells", "-o", str(folder), "--per-class", "1", "--no-masks", "--json"]
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
    monkeypatch.setattr("sys.argv", ["marrowscope", "phantom", "cells", "-o", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "holds something else" in error


def test_the_command_draws_fields_with_their_truth(tmp_path: Path) -> None:
    folder = tmp_path / "fields"
    result = CliRunner().invoke(
        app,
        ["phantom", "fields", "-o", str(folder), "--number", "2", "--density", "600", "--json",
         "--composition", "blood"],
    )  # fmt: skip
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["synthetic"] is True
    assert summary["fields"] == 2
    cells = read_cells(Path(summary["table"]))
    assert cells.filter("is_cell").height == summary["cells"]
    for (path,), own in cells.group_by("path"):
        image = read_image(Path(str(path)))
        assert image.shape == (2056, 2452, 3)
        mask = np.asarray(Image.open(str(path).replace(".jpg", MASK_SUFFIX)))
        assert mask.dtype == np.uint16
        assert set(np.unique(mask)) - {0} == set(own["instance"])
    assert "synthetic" in (folder / "README.txt").read_text().lower()


def test_the_command_draws_a_slide(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["phantom", "slide", "-o", str(tmp_path), "--size", "1200x1100", "--json",
              "--microns-per-pixel", "0.25"],
    )  # fmt: skip
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["synthetic"] is True
    assert (summary["width"], summary["height"]) == (1200, 1100)
    assert Path(summary["slide"]).is_file()
    assert Path(summary["truth"]).is_file()
    assert read_cells(Path(summary["table"])).filter("is_cell").height == summary["cells"] > 10


@pytest.mark.parametrize(
    "options",
    [
        ["slide", "--size", "wide"],
        ["cells", "--per-class", "0"],
        ["--slide", "wide"],
        ["--slide", "2000x2000", "--fields", "2"],
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(tmp_path: Path, options: list[str]) -> None:
    assert CliRunner().invoke(app, ["phantom", *options, "-o", str(tmp_path)]).exit_code == 2
    assert not list(tmp_path.iterdir())
