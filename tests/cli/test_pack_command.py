"""marrowscope pack, as a user types it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from marrowscope.cells import write_cells
from marrowscope.dataset.indexing import index
from support.command_shell import Shell


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for number in range(5):
        image = np.full((250, 250, 3), 40 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), image)
    write_cells(index([tmp_path / "images"]), tmp_path / "cells.parquet")
    return tmp_path / "cells.parquet"


def test_it_packs_beside_the_table_and_packs_nothing_twice(cells: Path, shell: Shell) -> None:
    printed = shell("pack", cells, "--json", "--verify")
    summary = json.loads(printed.out)
    assert summary == {
        "store": str(cells.with_suffix(".store")),
        "images": 5,
        "added": 5,
        "failed": [],
        "verified": True,
    }
    printed = shell("pack", cells)
    assert "5 images, 0.00 GB (0 added, 0 unusable)" in printed.err


def test_an_image_that_went_bad_is_named_and_the_others_are_packed(
    cells: Path, shell: Shell
) -> None:
    (cells.parent / "images" / "3.png").unlink()
    printed = shell("pack", cells)
    printed = printed.err
    assert "3.png" in printed
    assert "4 images" in printed


def test_verify_finds_a_damaged_store(cells: Path, shell: Shell) -> None:
    shell("pack", cells)
    with (cells.with_suffix(".store") / "pixels.bin").open("r+b") as stream:
        stream.write(b"\x07")
    printed = shell("pack", cells, "--verify", status=1)
    assert "is damaged" in printed.err


def test_a_table_without_hashes_is_one_line(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "t.csv").write_text("cell_id,path\na,b.png\n")
    printed = shell("pack", tmp_path / "t.csv", status=1)
    error = printed.err
    assert error.strip().count("\n") == 0
    assert f"{tmp_path}/t.csv: the table lacks content hashes" in error
