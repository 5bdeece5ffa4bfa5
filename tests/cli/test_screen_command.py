"""screen: copies and crops of the same field are found, and one of each group stays."""

import json
from pathlib import Path

import numpy as np
import polars as pl

import marrowscope as ms
from marrowscope.io.image_encoding import encode_png
from marrowscope.phantom.synthetic_cell import draw_cell
from support.command_shell import Shell


def test_a_turned_copy_is_dropped_and_counted(tmp_path: Path, shell: Shell) -> None:
    first, other = (draw_cell("NGS", seed).image for seed in (1, 2))
    images = {"a": first, "b": np.ascontiguousarray(np.rot90(first)), "c": other}
    (tmp_path / "NGS").mkdir()
    for name, image in images.items():
        (tmp_path / "NGS" / f"{name}.png").write_bytes(encode_png(image))
    ms.index(tmp_path / "NGS", tmp_path / "cells.parquet")
    options = ["-o", tmp_path / "clean.parquet", "--pairs", tmp_path / "pairs.csv", "--json"]
    out, said = shell("screen", tmp_path / "cells.parquet", *options)
    summary = json.loads(out)
    assert [summary[name] for name in ("images", "pairs", "turned_or_mirrored", "dropped")] == [
        *(3, 1, 1, 1)
    ]
    assert "3 images: 1 overlapping pairs (1 turned or mirrored, 0 rescaled), 1 groups" in said
    assert pl.read_csv(tmp_path / "pairs.csv").height == 1
    kept = pl.read_parquet(tmp_path / "clean.parquet").filter(pl.col("error").is_null())
    assert kept.height == 2
