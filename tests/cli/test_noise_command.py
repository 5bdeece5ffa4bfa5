"""Commands noise and index --relabel: the way of a correction, one-line errors."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.io.image_encoding import encode_png
from support.command_shell import Shell


def test_a_wrong_label_is_listed_corrected_and_taken_back(shell: Shell, tmp_path: Path) -> None:
    images = tmp_path / "images"
    for place in range(24):
        code = ("BLA", "LYT")[place % 2]
        (images / code).mkdir(parents=True, exist_ok=True)
        image = np.full((20, 20, 3), 8 * place, np.uint8)
        (images / code / f"{place}.png").write_bytes(encode_png(image))
    cells = tmp_path / "cells.parquet"
    shell("index", images, "-o", cells)
    wrong = pl.col("path").str.ends_with("/2.png")  # labelled BLA, looks like LYT
    like = (pl.col("label") == "BLA") & ~wrong
    table = pl.read_parquet(cells).with_columns(
        p_BLA=pl.when(like).then(0.9).otherwise(0.1), p_LYT=pl.when(like).then(0.1).otherwise(0.9)
    )
    table.write_parquet(tmp_path / "p.parquet")
    out, err = shell("noise", tmp_path / "p.parquet", "-o", tmp_path / "doubts", "--json")
    assert json.loads(out)["listed"] == 1
    assert "1 of 24 labels in doubt" in err
    path = tmp_path / "doubts/suspects.csv"
    listed = pl.read_csv(path)
    listed.with_columns(corrected=pl.col("suggested")).write_csv(path)
    out, err = shell("index", images, "-o", cells, "--relabel", path, "--json")
    assert json.loads(out)["relabelled"] == 1
    assert pl.read_parquet(cells).filter(wrong)["label"].to_list() == ["LYT"]
    assert "no longer" not in err
    _, err = shell("index", images, "-o", cells)
    assert "1 labels corrected in the earlier" in err
    _, err = shell("noise", tmp_path / "p.parquet", "-o", tmp_path / "doubts", status=1)
    assert "1 corrections, which would be lost" in err


def test_bad_input_is_one_line(shell: Shell, tmp_path: Path) -> None:
    _, err = shell("noise", tmp_path / "none.parquet", "-o", tmp_path / "d", status=1)
    assert "no such file" in err
    pl.DataFrame({"cell_id": ["a"], "path": ["b"], "label": ["BLA"]}).write_parquet(
        tmp_path / "p.parquet"
    )
    _, err = shell("noise", tmp_path / "p.parquet", "-o", tmp_path / "d", status=1)
    assert "p.parquet: the table has no p_<CODE>" in err
    assert err.strip().count("\n") == 0
    _, err = shell("index", tmp_path, "-o", tmp_path / "c.parquet", "--relabel",
                   tmp_path / "none.csv", status=1)  # fmt: skip
    assert "none.csv: no such file" in err
