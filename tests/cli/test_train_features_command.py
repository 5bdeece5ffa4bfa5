"""train --model features: the same contract as a network's."""

import json
from pathlib import Path

import polars as pl
import pytest

from marrowscope.cli import main
from marrowscope.phantom.dataset import write_dataset


@pytest.fixture
def split(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "cells", {"LYT": 6, "EOS": 6, "PLM": 6}, 3)
    assert main(["index", str(tmp_path / "cells"), "-o", str(tmp_path / "cells.parquet")]) == 0
    table = tmp_path / "split.parquet"
    assert main(["split", str(tmp_path / "cells.parquet"), "--test", "0.34", "-o", str(table)]) == 0
    return table


def test_train_predict_and_evaluate_work_as_for_networks(
    split: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", str(split), "--model", "features", "-o", str(run), "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    held_out = pl.read_parquet(run / "predictions.parquet")
    assert answer["metrics"]["images"] == held_out.height == 6
    assert (tmp_path / "split.features").is_dir()
    card = json.loads((run / "bundle" / "card.json").read_text())
    assert card["architecture"] == "features"
    again = tmp_path / "again.parquet"
    assert main(["predict", str(run / "bundle"), str(held_out["path"][0]), "-o", str(again)]) == 0
    assert pl.read_parquet(again)["p_LYT"][0] == pytest.approx(held_out["p_LYT"][0], abs=1e-6)
    report = tmp_path / "report"
    assert main(["evaluate", str(run / "predictions.parquet"), "-o", str(report)]) == 0
    capfd.readouterr()
    assert main(["train", str(split), "--model", "features", "-o", str(run), "--resume"]) == 0


def test_an_image_that_is_gone_is_named_in_one_line(
    split: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = Path(pl.read_parquet(split)["path"][0])
    path.unlink()
    capfd.readouterr()
    assert main(["train", str(split), "--model", "features", "-o", str(tmp_path / "run")]) == 1
    assert str(path) in capfd.readouterr().err.replace("\n", "")
