"""marrowscope pack, as a user types it."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from marrowscope.cells import write_cells
from marrowscope.cli import main
from marrowscope.dataset.indexing import index


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for number in range(5):
        image = np.full((250, 250, 3), 40 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), image)
    write_cells(index([tmp_path / "images"]), tmp_path / "cells.parquet")
    return tmp_path / "cells.parquet"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["marrowscope", "pack", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_it_packs_beside_the_table_and_packs_nothing_twice(
    cells: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, cells, "--json", "--verify") == 0
    summary = json.loads(capfd.readouterr().out)
    assert summary == {
        "store": str(cells.with_suffix(".store")),
        "images": 5,
        "added": 5,
        "failed": [],
        "verified": True,
    }
    assert run(monkeypatch, cells) == 0
    assert "5 images, 0.00 GB (0 added, 0 unusable)" in capfd.readouterr().err


def test_an_image_that_went_bad_is_named_and_the_others_are_packed(
    cells: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (cells.parent / "images" / "3.png").unlink()
    assert run(monkeypatch, cells) == 0
    printed = capfd.readouterr().err
    assert "3.png" in printed
    assert "4 images" in printed


def test_verify_finds_a_damaged_store(
    cells: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, cells)
    with (cells.with_suffix(".store") / "pixels.bin").open("r+b") as stream:
        stream.write(b"\x07")
    assert run(monkeypatch, cells, "--verify") == 1
    assert "is damaged" in capfd.readouterr().err


def test_a_table_without_hashes_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("cell_id,path\na,b.png\n")
    assert run(monkeypatch, tmp_path / "t.csv") == 1
    error = capfd.readouterr().err
    assert error.strip().count("\n") == 0
    assert f"{tmp_path}/t.csv: the table lacks content hashes" in error
