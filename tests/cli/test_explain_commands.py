"""calibrate, explain and embed, as a user types them."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.cells import read_cells
from marrowscope.cli import main
from marrowscope.explain import label_randomization
from marrowscope.io.image_encoding import encode_png
from marrowscope.models import create
from marrowscope.models.bundle import save_bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell

KNOWN = ("LYT", "NGS")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["marrowscope", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "toy"
    torch.manual_seed(0)
    save_bundle(create("sequential", 2), Card("toy", "sequential", KNOWN, KNOWN), folder)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for code in KNOWN:
        (folder / code).mkdir()
        for seed in range(6):
            (folder / code / f"{seed}.png").write_bytes(encode_png(draw_cell(code, seed).image))
    return folder


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions that are three times as sure as they should be."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, 600)
    truth = random.random(600) < 1 / (1 + np.exp(-logits))
    sure = 1 / (1 + np.exp(-3 * logits))
    path = tmp_path_factory.mktemp("held") / "predictions.parquet"
    pl.DataFrame({
        "cell_id": [f"c{number}" for number in range(600)],
        "path": [f"c{number}.png" for number in range(600)],
        "label": np.where(truth, *KNOWN).tolist(),
        "p_LYT": sure.astype(np.float32), "p_NGS": (1 - sure).astype(np.float32),
        "predicted": np.where(sure >= 0.5, *KNOWN).tolist(),
        "confidence": np.maximum(sure, 1 - sure).astype(np.float32),
    }).write_parquet(path)  # fmt: skip
    return path


def test_a_calibrated_bundle_predicts_with_sets_and_no_calls(
    bundle: Path, images: Path, held_out: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    made, figure = tmp_path / "calibrated", tmp_path / "reliability.png"
    command = ["model", "calibrate", bundle, held_out, "-o", made, "--figure", figure, "--json"]
    assert run(monkeypatch, *command, "--risk", 0.25) == 0
    facts = json.loads(capfd.readouterr().out)
    assert facts["temperature"] == pytest.approx(3, rel=0.2)
    assert facts["ece_after"][0] < facts["ece_before"][0]
    assert figure.read_bytes()[:4] == b"\x89PNG"
    tables = {}
    for name, options in (("with", []), ("without", ["--uncalibrated"])):
        out = tmp_path / f"{name}.parquet"
        assert run(monkeypatch, "predict", images, "--model", made, "-o", out, *options) == 0
        tables[name] = read_cells(out)
    assert {"prediction_set", "no_call"} <= set(tables["with"].columns)
    assert "no_call" not in tables["without"].columns
    assert tables["with"]["predicted"].equals(tables["without"]["predicted"])
    # A temperature of 3 makes every answer less sure.
    assert (tables["with"]["confidence"] < tables["without"]["confidence"]).all()


def test_predictions_of_another_model_are_refused_in_one_line(
    bundle: Path, held_out: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = tmp_path / "other.parquet"
    pl.read_parquet(held_out).rename({"p_NGS": "p_EOS"}).write_parquet(other)
    assert run(monkeypatch, "model", "calibrate", bundle, other, "-o", tmp_path / "x") == 1
    said = capfd.readouterr().err.strip()
    assert "another classifier" in said
    assert "\n" not in said
    assert not (tmp_path / "x").exists()


def test_explain_writes_figure_sanity_and_share_inside(
    bundle: Path, images: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out, table = tmp_path / "explained", tmp_path / "cells.parquet"
    monkeypatch.setattr(label_randomization, "EPOCHS", 2)
    assert run(monkeypatch, "index", images, "-o", table) == 0
    capfd.readouterr()
    assert (
        run(monkeypatch, "explain", table, "--model", bundle, "-o", out, "--sanity", "--json") == 0
    )
    facts = json.loads(capfd.readouterr().out)
    assert set(facts["all_layers_random"]) == {"SmoothGrad", "Grad-CAM"}
    assert facts["labels"]["cells"] == 12
    assert set(facts["labels"]["permuted"]) == {"SmoothGrad", "Grad-CAM"}
    names = {path.name for path in out.iterdir()}
    assert names == {"explained.png", "explained.json", "sanity.png", "sanity.csv"}
    assert (
        run(monkeypatch, "explain", images, "--model", bundle, "-o", out, "--classes", "EOS") == 1
    )
    assert "no correctly classified cell of EOS" in capfd.readouterr().err


def test_embed_writes_map_page_measures_and_features(
    bundle: Path, images: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    table, out = tmp_path / "cells.parquet", tmp_path / "map"
    assert run(monkeypatch, "index", images, "-o", table) == 0
    small = tmp_path / "small.parquet"
    pl.read_parquet(table).head(6).write_parquet(small)
    assert run(monkeypatch, "embed", small, "--model", bundle, "-o", out) == 0
    assert {path.name for path in out.iterdir()} == {
        "map.png", "map.html", "map.json", "cells.parquet",
    }  # fmt: skip
    features = pl.read_parquet(out / "cells.parquet")["features"]
    assert features.dtype == pl.Array(pl.Float32, 120)
    pl.read_parquet(table).head(2).write_parquet(small)
    capfd.readouterr()
    assert run(monkeypatch, "embed", small, "--model", bundle, "-o", out) == 1
    assert f"{small}: 2 images can be read" in capfd.readouterr().err
