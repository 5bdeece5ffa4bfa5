"""train --model features: the same contract as a network's."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.cli import main
from marrowscope.features.feature_catalogue import names
from marrowscope.models import features_svm
from marrowscope.phantom.synthetic_dataset import write_dataset


def run(*arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["marrowscope", *map(str, arguments)])
        patch.setenv("COLUMNS", "500")
        with pytest.raises(SystemExit) as caught:
            main()
    return int(caught.value.code or 0)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "cells", {"LYT": 6, "EOS": 6, "PLM": 6}, 3)
    assert run("index", str(tmp_path / "cells"), "-o", str(tmp_path / "cells.parquet")) == 0
    table = tmp_path / "split.parquet"
    assert run("split", str(tmp_path / "cells.parquet"), "--test", "0.34", "-o", str(table)) == 0
    return table


def test_train_predict_and_evaluate_work_as_for_networks(
    split: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run("train", str(split), "--model", "features", "-o", str(out), "--json") == 0
    answer = json.loads(capfd.readouterr().out)
    held_out = pl.read_parquet(out / "predictions.parquet")
    assert answer["metrics"]["images"] == held_out.height == 6
    assert (tmp_path / "split.features").is_dir()
    card = json.loads((out / "bundle" / "card.json").read_text())
    assert card["architecture"] == "features"
    again = tmp_path / "again.parquet"
    assert run("predict", held_out["path"][0], "--model", str(out / "bundle"), "-o", again) == 0
    assert pl.read_parquet(again)["p_LYT"][0] == pytest.approx(held_out["p_LYT"][0], abs=1e-6)
    report = tmp_path / "report"
    assert run("evaluate", str(out / "predictions.parquet"), "-o", str(report)) == 0
    capfd.readouterr()
    assert run("train", str(split), "--model", "features", "-o", str(out), "--resume") == 0


def test_an_image_that_is_gone_is_named_in_one_line(
    split: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = Path(pl.read_parquet(split)["path"][0])
    path.unlink()
    capfd.readouterr()
    assert run("train", str(split), "--model", "features", "-o", str(tmp_path / "run")) == 1
    assert str(path) in capfd.readouterr().err.replace("\n", "")


def test_missing_features_of_an_image_are_counted_when_it_is_predicted(
    split: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert run("train", str(split), "--model", "features", "-o", str(out)) == 0
    selected = json.loads((out / "bundle" / "card.json").read_text())["recipe"]["selected"]
    monkeypatch.setattr(
        features_svm, "measure_cell", lambda image: ((), np.full(len(names()), np.nan))
    )
    capfd.readouterr()
    image = pl.read_parquet(split)["path"][0]
    assert (
        run("predict", image, "--model", str(out / "bundle"), "-o", tmp_path / "p.csv", "--json")
        == 0
    )
    printed = capfd.readouterr()
    assert json.loads(printed.out)["imputed"] == selected
    assert f"! {selected} feature values are undefined" in printed.err
