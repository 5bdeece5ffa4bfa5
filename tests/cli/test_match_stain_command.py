"""match-stain: images with the light of the training data."""

import json
from pathlib import Path

import polars as pl

from support.command_shell import Shell
from support.two_class_cells import write_other_laboratory, write_two_classes


def test_match_stain_brings_the_light_of_the_training_data(tmp_path: Path, shell: Shell) -> None:
    external = write_other_laboratory(tmp_path)
    (tmp_path / "training").mkdir()
    table = write_two_classes(tmp_path / "training")
    out = tmp_path / "matched"
    command = ["match-stain", external / "list.csv", "--reference", table, "-o", out]
    printed = shell(*command, "--json")
    assert json.loads(printed.out)["images"] == 12
    rows = pl.read_parquet(out / "cells.parquet")
    assert set(rows["label"]) == {"lymphoid cell", "neutrophil"}
    assert all(Path(path).is_file() for path in rows["path"])
    printed = shell(*command, status=1)
    assert "not empty" in printed.err
    printed = shell(*command[:-1], tmp_path / "b", "--reference", tmp_path / "x.csv", status=1)
    assert "x.csv: no such file" in printed.err
