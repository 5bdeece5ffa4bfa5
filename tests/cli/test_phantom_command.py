"""The command phantom: writes a set, says synthetic, refuses politely."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.cells import read_cells
from marrowscope.io.image_decoding import read_image
from marrowscope.io.image_file import MASK_SUFFIX
from support.command_shell import Shell


def test_the_command_writes_a_set_and_says_that_it_is_synthetic(
    tmp_path: Path, shell: Shell
) -> None:
    folder = tmp_path / "set"
    printed = shell("phantom", "cells", "-o", folder, "--per-class", 1, "--no-masks", "--json")
    summary = json.loads(printed.out)
    assert summary["synthetic"] is True
    assert summary["images"] == 21
    assert read_cells(Path(summary["cells"])).height == 21
    assert "synthetic" in printed.err
    assert not list(folder.glob("*/*.mask.png"))


def test_a_folder_with_other_things_is_refused_in_one_line(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    error = shell("phantom", "cells", "-o", tmp_path, status=1).err.strip()
    assert "\n" not in error
    assert "holds something else" in error


def test_the_command_draws_fields_with_their_truth(tmp_path: Path, shell: Shell) -> None:
    folder = tmp_path / "fields"
    options = ["--number", 2, "--density", 600, "--composition", "blood", "--json"]
    summary = json.loads(shell("phantom", "fields", "-o", folder, *options).out)
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


def test_the_command_draws_a_slide(tmp_path: Path, shell: Shell) -> None:
    options = ["--size", "1200x1100", "--microns-per-pixel", 0.25, "--json"]
    summary = json.loads(shell("phantom", "slide", "-o", tmp_path, *options).out)
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
def test_options_that_make_no_sense_are_wrong_usage(
    tmp_path: Path, options: list[str], shell: Shell
) -> None:
    shell("phantom", *options, "-o", tmp_path, status=2)
    assert not list(tmp_path.iterdir())
