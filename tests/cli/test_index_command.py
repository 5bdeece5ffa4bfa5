"""Sets with class names of their own, indexed as a user types it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from marrowscope.cells import read_cells
from support.command_shell import Shell


@pytest.fixture
def their_names(tmp_path: Path) -> Path:
    """Images of another laboratory: coarse folders, its own names before ``_`` of the files."""
    random = np.random.default_rng(2)
    for name in ("neutrophil/SNE_1", "neutrophil/BNE_2", "neutrophil/SNE_3", "ig/IG_4", "ba/BA_5"):
        path = tmp_path / "theirs" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    return tmp_path / "theirs"


def test_names_of_another_laboratory_are_mapped_and_what_is_not_is_listed_and_left_out(
    shell: Shell, their_names: Path, tmp_path: Path
) -> None:
    cells = tmp_path / "cells.parquet"
    given = ("--labels-from", "name-prefix", "--mapping", "pbc")
    out, err = shell("index", their_names, "-o", cells, *given, "--json")
    assert "5 files: 4 usable, 0 unusable, 1 left out, 0 without label" in err
    assert "left out, because the mapping pbc has no class for them: IG (1)" in err
    assert "BNE is NGB (1), SNE is NGS (2)" in err
    assert json.loads(out)["left_out"] == {"IG": 1}
    table = read_cells(cells).sort("path")
    assert table["label"].to_list() == ["BAS", None, "NGB", "NGS", "NGS"]
    assert table["label_given"].to_list() == ["BA", "IG", "BNE", "SNE", "SNE"]
    assert table["error"].drop_nulls().to_list() == ["left out by the mapping: IG"]
    assert "left out by the mapping: IG (1)" in shell("check", cells)[1]
    # A longer mapping takes them in, although no file changed.
    (tmp_path / "more.yaml").write_text("IG: PMO\n")
    shell("index", their_names, "-o", cells, *given, "--mapping", tmp_path / "more.yaml")
    table = read_cells(cells).sort("path")
    assert table["label"].to_list() == ["BAS", "PMO", "NGB", "NGS", "NGS"]
    assert table["error"].null_count() == 5


def test_labels_of_folders_and_of_lists_are_mapped(
    shell: Shell, their_names: Path, tmp_path: Path
) -> None:
    cells, mapping = tmp_path / "cells.parquet", tmp_path / "m.yaml"
    mapping.write_text("neutrophil: NGS\nba: BAS\n")
    shell("index", their_names, "-o", cells, "--mapping", mapping, "--labels-from", "folder")
    assert read_cells(cells).sort("path")["label"].to_list() == ["BAS", None, "NGS", "NGS", "NGS"]
    listing = tmp_path / "l.csv"
    listing.write_text("file;Klasse\ntheirs/ba/BA_5.png; BA \ntheirs/ig/IG_4.png;blast\n")
    mapping.write_text("BA: BAS\n")
    shell("index", listing, "-o", cells, "--mapping", mapping, "--labels-from", "csv")
    table = read_cells(cells)
    assert table["label"].to_list() == ["BAS", None]  # blast is no name of theirs: not guessed
    assert table["error"].to_list() == [None, "left out by the mapping: blast"]


def test_mappings_that_do_not_serve_are_one_line_each_and_nothing_is_lost(
    shell: Shell, their_names: Path, tmp_path: Path
) -> None:
    cells, mapping = tmp_path / "cells.parquet", tmp_path / "m.yaml"
    shell("index", their_names, "-o", cells)
    before = cells.read_bytes()
    for text, said in (
        ("", "names no class"),
        ("SNE:\n", "maps no name to one of the 21 classes"),
        ("SNE: XYZ\n", "'SNE' is mapped to 'XYZ', which is none of the 21 classes"),
        ("BA: EOS\n", "and pbc disagree: 'BA' is EOS in the first and BAS in the second"),
        ("XX: EOS\n", "maps none of the names that are here (SNE (2), BA (1), BNE (1), IG (1))"),
    ):
        mapping.write_text(text)
        more = ("--mapping", "pbc") if "disagree" in said else ()
        given = ("--labels-from", "name-prefix", "--mapping", mapping, *more)
        _, err = shell("index", their_names, "-o", cells, *given, status=1)
        assert said in err
        assert len(err.splitlines()) == 1
    _, err = shell("index", their_names, "-o", cells, "--labels-from", "name", status=1)
    assert err.startswith("marrowscope: --labels-from name: give folder, name-prefix, csv")
    assert cells.read_bytes() == before
