"""marrowscope train, as a user types it."""

import json
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.cells import write_cells
from marrowscope.dataset.indexing import index
from marrowscope.dataset.splitting import folds, hold_out
from support.command_shell import Shell

pytestmark = pytest.mark.usefixtures("thin_network", "without_graph")

QUICK = ["--recipe", "paper", "--set", "target_per_class=4", "--set", "batch_size=4"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for code, level in (("LYT", 80), ("NGS", 180)):
        (folder / code).mkdir()
        for number in range(6):
            image = random.normal(level, 30, (250, 250, 3)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / code / f"{number}.png"), image)
    return index([folder])


@pytest.fixture
def split(table: pl.DataFrame, tmp_path: Path) -> Path:
    write_cells(hold_out(table, 0.34).table, tmp_path / "split.parquet")
    return tmp_path / "split.parquet"


def test_it_trains_shows_recall_early_and_says_where_the_bundle_is(
    split: Path, tmp_path: Path, shell: Shell
) -> None:
    out = tmp_path / "run"
    arguments = [split, "--model", "sequential", *QUICK, "--epochs", 2, "-o", out, "--json"]
    printed = shell("train", *arguments)
    summary = json.loads(printed.out)
    assert summary["metrics"]["images"] == 4
    assert {"images_per_second", "ratio_to_bare_network"} <= set(summary)
    assert "epoch 1/2" in printed.err
    assert "No patient or slide ids" in printed.err
    assert "LYT" in printed.err
    assert "too few steps to measure the speed" in printed.err
    assert (out / "bundle" / "card.json").is_file()
    # The same command once more is refused, with --resume it has nothing left to do.
    printed = shell("train", *arguments, status=1)
    assert "--resume" in printed.err
    printed = shell("train", *arguments, "--resume")
    assert "already finished" in printed.err


def test_a_fold_is_held_out(table: pl.DataFrame, tmp_path: Path, shell: Shell) -> None:
    write_cells(folds(table, 3).table, tmp_path / "folds.parquet")
    out = tmp_path / "run"
    shell("train", tmp_path / "folds.parquet", *QUICK, "--epochs", 1, "--fold", 2,
               "-o", out)  # fmt: skip
    predictions = pl.read_parquet(out / "predictions.parquet")
    assert predictions["fold"].unique().to_list() == [2]
    assert json.loads((out / "bundle" / "card.json").read_text())["split"]["fold"] == 2


def test_no_split_is_said_loudly(
    table: pl.DataFrame,
    tmp_path: Path,
    shell: Shell,
) -> None:
    write_cells(table, tmp_path / "cells.parquet")
    printed = shell("train", tmp_path / "cells.parquet", *QUICK, "--epochs", 1,
               "-o", tmp_path / "run")  # fmt: skip
    assert "every cell is used for training" in " ".join(printed.err.split())


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--recipe", "nonsense"], "default, paper"),
        (["--set", "speed=11"], "unknown key"),
        (["--model", "alexnet"], "sequential, resnext50"),
        (["--fold", "1"], "no such fold"),
        (["--device", "tpu"], "auto, cpu or cuda"),
    ],
)
def test_a_wrong_option_is_one_line_and_leaves_no_folder(
    split: Path,
    tmp_path: Path,
    extra: list[str],
    message: str,
    shell: Shell,
) -> None:
    printed = shell("train", split, *extra, "-o", tmp_path / "run", status=1)
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "run").exists()


def test_pretrained_weights_are_started_from(
    table: pl.DataFrame, split: Path, tmp_path: Path, shell: Shell
) -> None:
    many = tmp_path / "many.parquet"
    copies = [table.with_columns(cell_id=pl.col("cell_id") + f"-{number}") for number in range(3)]
    write_cells(pl.concat(copies), many)
    options = ["--epochs", 1, "--set", "batch_size=12"]
    printed = shell("pretrain", many, "-o", tmp_path / "pre", *options, "--json")
    facts = json.loads(printed.out)
    assert facts["images"] == 36
    start = ["--weights", facts["weights"], "--labels-share", "0.5"]
    out = tmp_path / "run"
    printed = shell("train", split, *QUICK, "--epochs", 1, *start, "-o", out)
    assert "head.weight, head.bias start at random" in printed.err
    card = json.loads((out / "bundle" / "card.json").read_text())
    assert card["data"]["images"] == {"NGS": 2, "LYT": 2}
    text = tmp_path / "other.safetensors"
    text.write_text("no weights")
    printed = shell("train", split, *QUICK, "--weights", text, "-o", tmp_path / "b", status=1)
    said = printed.err.strip()
    assert "not a safetensors file" in said
    assert "\n" not in said
