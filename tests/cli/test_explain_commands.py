"""calibrate, explain and embed, as a user types them."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.cells import read_cells
from marrowscope.explain import label_randomization
from marrowscope.io.image_encoding import encode_png
from marrowscope.models import create
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell
from support.command_shell import Shell

pytestmark = pytest.mark.usefixtures("thin_network")

KNOWN = ("LYT", "NGS")


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
    bundle: Path, images: Path, held_out: Path, tmp_path: Path, shell: Shell,
) -> None:  # fmt: skip
    made, figure = tmp_path / "calibrated", tmp_path / "reliability.png"
    command = ["model", "calibrate", bundle, held_out, "-o", made, "--figure", figure, "--json"]
    printed = shell(*command, "--risk", 0.25, "--kept", 0.9)
    facts = json.loads(printed.out)
    assert facts["novelty_limit"] > 0
    assert facts["temperature"] == pytest.approx(3, rel=0.2)
    assert facts["ece_after"][0] < facts["ece_before"][0]
    assert figure.read_bytes()[:4] == b"\x89PNG"
    tables = {}
    for name, options in (("with", []), ("without", ["--uncalibrated"])):
        out = tmp_path / f"{name}.parquet"
        shell("predict", images, "--model", made, "-o", out, *options)
        tables[name] = read_cells(out)
    assert {"prediction_set", "no_call", "novelty", "novel"} <= set(tables["with"].columns)
    assert not {"no_call", "novel"} & set(tables["without"].columns)
    assert tables["with"]["predicted"].equals(tables["without"]["predicted"])
    # A temperature of 3 makes every answer less sure.
    assert (tables["with"]["confidence"] < tables["without"]["confidence"]).all()


def test_what_a_calibration_is_worth_in_each_laboratory_is_printed(
    bundle: Path, held_out: Path, tmp_path: Path, shell: Shell,
) -> None:  # fmt: skip
    two = tmp_path / "two.parquet"
    names = pl.when(pl.int_range(pl.len()) < 400).then(pl.lit("Bonn")).otherwise(pl.lit("Ulm"))
    pl.read_parquet(held_out).with_columns(laboratory=names).write_parquet(two)
    said = " ".join(shell("model", "calibrate", bundle, two, "-o", tmp_path / "a").err.split())
    assert "laboratory Bonn, 400 cells: calibration error 0." in said
    assert "laboratory Ulm, 200 cells" in said
    options = ["-o", tmp_path / "b", "--laboratory", "Ulm", "--json"]
    facts = json.loads(shell("model", "calibrate", bundle, two, *options).out)
    assert facts["cells"] == 200
    assert "laboratories" not in facts


def test_predictions_of_another_model_are_refused_in_one_line(
    bundle: Path, held_out: Path, tmp_path: Path, shell: Shell,
) -> None:  # fmt: skip
    other = tmp_path / "other.parquet"
    pl.read_parquet(held_out).rename({"p_NGS": "p_EOS"}).write_parquet(other)
    printed = shell("model", "calibrate", bundle, other, "-o", tmp_path / "x", status=1)
    said = printed.err.strip()
    assert "another classifier" in said
    assert "\n" not in said
    assert not (tmp_path / "x").exists()


def test_explain_writes_figure_sanity_and_share_inside(
    bundle: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell,
) -> None:  # fmt: skip
    out, table = tmp_path / "explained", tmp_path / "cells.parquet"
    monkeypatch.setattr(label_randomization, "EPOCHS", 2)
    shell("index", images, "-o", table)
    printed = shell("explain", table, "--model", bundle, "-o", out, "--sanity", "--json")
    facts = json.loads(printed.out)
    assert set(facts["all_layers_random"]) == {"SmoothGrad", "Grad-CAM"}
    assert facts["labels"]["cells"] == 12
    assert set(facts["labels"]["permuted"]) == {"SmoothGrad", "Grad-CAM"}
    names = {path.name for path in out.iterdir()}
    assert names == {"explained.png", "explained.json", "sanity.png", "sanity.csv"}
    printed = shell("explain", images, "--model", bundle, "-o", out, "--classes", "EOS", status=1)
    assert "no correctly classified cell of EOS" in printed.err


def test_embed_writes_map_page_measures_and_features(
    bundle: Path, images: Path, tmp_path: Path, shell: Shell,
) -> None:  # fmt: skip
    table, out = tmp_path / "cells.parquet", tmp_path / "map"
    shell("index", images, "-o", table)
    small = tmp_path / "small.parquet"
    pl.read_parquet(table).head(6).write_parquet(small)
    shell("embed", small, "--model", bundle, "-o", out)
    assert {path.name for path in out.iterdir()} == {
        "map.png", "map.html", "map.json", "cells.parquet",
    }  # fmt: skip
    features = pl.read_parquet(out / "cells.parquet")["features"]
    assert features.dtype == pl.Array(pl.Float32, 12)  # of the thin network
    pl.read_parquet(table).head(2).write_parquet(small)
    printed = shell("embed", small, "--model", bundle, "-o", out, status=1)
    assert f"{small}: 2 images can be read" in printed.err
