"""train --model vit: the same contract as a network's, and wrong files in one line."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch

import marrowscope as ms
from marrowscope.models import create
from marrowscope.phantom.synthetic_dataset import write_dataset
from support.command_shell import Shell
from support.vit_weights import write_weights


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_dataset(folder / "cells", {"LYT": 6, "EOS": 6, "PLM": 6}, 3)
    table = folder / "split.parquet"
    ms.split(ms.index(folder / "cells"), test=0.34, output=table)
    return table


@pytest.mark.parametrize("head", ["linear", "knn", "finetune"])
def test_train_predict_and_evaluate_work_as_for_networks(
    split: Path, tmp_path: Path, head: str, shell: Shell
) -> None:
    out, weights = tmp_path / "run", write_weights(tmp_path)
    short = ("--epochs", 1, "--set", "target_per_class=4") if head == "finetune" else ()
    printed = shell(
        "train",
        split,
        "--model",
        "vit",
        "--weights",
        weights,
        "--head",
        head,
        *short,
        "-o",
        out,
        "--json",
    )
    answer = json.loads(printed.out)
    held_out = pl.read_parquet(out / "predictions.parquet")
    assert answer["metrics"]["images"] == held_out.height == 6
    card = json.loads((out / "bundle" / "card.json").read_text())
    assert (card["architecture"], card["recipe"]["head"]) == ("vit", head)
    weights.unlink()
    again = tmp_path / "again.parquet"
    shell("predict", held_out["path"][0], "--model", out / "bundle", "-o", again)
    assert pl.read_parquet(again)["p_LYT"][0] == pytest.approx(held_out["p_LYT"][0], abs=1e-3)
    report = tmp_path / "report"
    shell("evaluate", out / "predictions.parquet", "--bootstrap", 20, "-o", report)
    assert (report / "report.html").is_file()


@pytest.mark.usefixtures("without_graph")
def test_crossval_goes_on_and_refuses_another_head(
    split: Path, tmp_path: Path, shell: Shell
) -> None:
    weights = write_weights(tmp_path)
    command = (
        "crossval",
        split,
        "--model",
        "vit",
        "--weights",
        weights,
        "--folds",
        2,
        "--bootstrap",
        20,
        "-o",
        tmp_path / "cv",
    )
    shell(*command)
    assert (split.with_suffix(".frozen")).is_dir()
    assert json.loads(shell(*command, "--json").out)["trained"] == []
    assert "another head" in shell(*command, "--head", "knn", status=1).err


def test_what_does_not_fit_is_one_line(split: Path, tmp_path: Path, shell: Shell) -> None:
    weights = write_weights(tmp_path)
    other = tmp_path / "other.pth"
    torch.save(create("sequential", 3).state_dict(), other)
    cases = {
        ("--model", "vit"): "--model vit: needs --weights, a file on disk",
        ("--model", "vit", "--weights", other): "other.pth: no vision transformer",
        ("--model", "vit", "--weights", tmp_path / "gone.pth"): "gone.pth",
        ("--model", "vit", "--weights", weights, "--head", "svm"): "--head svm: expected linear",
        ("--head", "knn"): "only for --model vit",
        ("--model", "resnext50", "--weights", weights): "weights of another network",
        ("--model", "timm:a/b", "--weights", weights): "timm:a/b",
        ("--model", "alexnet"): "choose one of",
    }
    for arguments, said in cases.items():
        error = shell("train", split, *arguments, "-o", tmp_path / "run", status=1).err
        assert said in error, error
        assert len(error.strip().splitlines()) == 1, error
