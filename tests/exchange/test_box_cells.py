"""Cells and crops of boxes, in whatever format they come."""

from pathlib import Path

import pytest

from marrowscope.cells import read_cells
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.exchange.class_names import load_synonyms
from support.box_files import BOXES, coco, picture
from support.command_shell import Shell


def test_synonyms_rename_and_leave_out_and_say_so(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    found = read_boxes(coco(tmp_path / "c.json", ["a.png"]))
    (tmp_path / "s.yaml").write_text("bla: promyelocyte\nRBC:\nno: OTH\n")
    (tmp_path / "s.csv").write_text("name,code\nBLA,PMO\nrbc,\n")
    for name in ("s.yaml", "s.csv"):
        cells = cells_from_boxes(found, load_synonyms(tmp_path / name))
        assert cells.table["label"].to_list() == ["PMO", "LYT"]
        assert cells.left_out == 1
        assert "left out by the synonyms: RBC (1)" in cells.notes


def test_index_takes_boxes_from_the_command_line(tmp_path: Path, shell: Shell) -> None:
    picture(tmp_path / "a.png")
    file, out = coco(tmp_path / "c.json", ["a.png", "b.png"]), tmp_path / "cells.parquet"
    given = ("--microns-per-pixel", 0.1, "--laboratory", "Bonn")
    printed = shell("index", "--boxes", file, "-o", out, *given)
    said = printed.err
    assert "6 boxes (COCO) in 2 pictures, 3 unusable; cut them out with --crops" in said
    assert "BLA 1, LYT 1, RBC 1" in said
    table = read_cells(out)
    assert table.height == 2 * len(BOXES)
    assert set(table["laboratory"]) == {"Bonn"}
    assert set(table.filter(table["error"].is_null())["field_id"]) == {"a.png"}
    options = ("--crops", tmp_path / "crops", "--microns-per-pixel", 0.1)
    printed = shell("index", "--boxes", file, "-o", out, *options)
    assert "cut them out" not in printed.err
    assert {path.parent.name for path in (tmp_path / "crops").rglob("*.png")} == {
        "BLA",
        "LYT",
        "RBC",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--crops", "x", "p"], "--crops: works only with --boxes"),
        (["p", "--boxes", "c.json"], "make two tables"),
        (["--boxes", "gone.json"], "gone.json: no such file"),
        (["--boxes", "c.json", "--stain"], "only when they are cut out"),
        (["--boxes", "c.json", "--laboratory", "-"], "--laboratory '-': is no name"),
        (
            ["--boxes", "c.json", "--laboratory-from", "folder:1"],
            "--laboratory-from folder:1: works",
        ),
        (["--boxes", "c.json", "--mapping", "pbc"], "--mapping pbc: of names in boxes give it as"),
        (["--boxes", "c.json", "--microns-per-pixel", "99"], "0.005"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "a.png")
    coco(tmp_path / "c.json", ["a.png"])
    printed = shell("index", *arguments, "-o", "cells.parquet", status=1)
    assert said in printed.err
    assert not Path("cells.parquet").exists()
