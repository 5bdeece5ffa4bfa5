"""train --model features: the same contract as a network's."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.features.feature_catalogue import names
from marrowscope.models import features_svm
from marrowscope.phantom.synthetic_dataset import write_dataset
from support.command_shell import Shell


@pytest.fixture
def split(tmp_path: Path, shell: Shell) -> Path:
    write_dataset(tmp_path / "cells", {"LYT": 6, "EOS": 6, "PLM": 6}, 3)
    shell("index", str(tmp_path / "cells"), "-o", str(tmp_path / "cells.parquet"))
    table = tmp_path / "split.parquet"
    shell("split", str(tmp_path / "cells.parquet"), "--test", "0.34", "-o", str(table))
    return table


def test_train_predict_and_evaluate_work_as_for_networks(
    split: Path, tmp_path: Path, shell: Shell
) -> None:
    out = tmp_path / "run"
    printed = shell("train", str(split), "--model", "features", "-o", str(out), "--json")
    answer = json.loads(printed.out)
    held_out = pl.read_parquet(out / "predictions.parquet")
    assert answer["metrics"]["images"] == held_out.height == 6
    assert (tmp_path / "split.features").is_dir()
    card = json.loads((out / "bundle" / "card.json").read_text())
    assert card["architecture"] == "features"
    again = tmp_path / "again.parquet"
    shell("predict", held_out["path"][0], "--model", str(out / "bundle"), "-o", again)
    assert pl.read_parquet(again)["p_LYT"][0] == pytest.approx(held_out["p_LYT"][0], abs=1e-6)
    report = tmp_path / "report"
    shell("evaluate", str(out / "predictions.parquet"), "-o", str(report))
    shell("train", str(split), "--model", "features", "-o", str(out), "--resume")


def test_an_image_that_is_gone_is_named_in_one_line(
    split: Path, tmp_path: Path, shell: Shell
) -> None:
    path = Path(pl.read_parquet(split)["path"][0])
    path.unlink()
    printed = shell(
        "train", str(split), "--model", "features", "-o", str(tmp_path / "run"), status=1
    )
    assert str(path) in printed.err.replace("\n", "")


def test_missing_features_of_an_image_are_counted_when_it_is_predicted(
    split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    out = tmp_path / "run"
    shell("train", str(split), "--model", "features", "-o", str(out))
    selected = json.loads((out / "bundle" / "card.json").read_text())["recipe"]["selected"]
    monkeypatch.setattr(
        features_svm, "measure_cell", lambda image: ((), np.full(len(names()), np.nan))
    )
    image = pl.read_parquet(split)["path"][0]
    printed = shell(
        "predict", image, "--model", str(out / "bundle"), "-o", tmp_path / "p.csv", "--json"
    )
    assert json.loads(printed.out)["imputed"] == selected
    assert f"! {selected} feature values are undefined" in printed.err
