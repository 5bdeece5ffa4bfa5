"""predict, as a user types it."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch

from marrowscope.cells import read_cells
from marrowscope.models import create
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_dataset import write_dataset
from support.command_shell import Shell


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "set"
    write_dataset(folder, {"BLA": 3, "LYT": 3, "EOS": 3}, masks=False, patients=3)
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network of three classes, of which it knows two."""
    folder = tmp_path_factory.mktemp("models") / "bundle"
    card = Card("toy", "sequential", ("BLA", "LYT", "EOS"), ("BLA", "LYT"))
    save_bundle(create("sequential", 3), card, folder)
    return folder


def test_predict_reads_a_list_from_standard_input(
    shell: Shell, bundle: Path, phantom: Path, tmp_path: Path
) -> None:
    paths = sorted((phantom / "EOS").iterdir())
    listing = f"{paths[1]}\n{paths[0]}\n{tmp_path / 'gone.png'}\n"
    _, err = shell("predict", "-", "--model", bundle, "-o", tmp_path / "p.parquet", stdin=listing)
    table = read_cells(tmp_path / "p.parquet")
    assert table["path"].to_list() == listing.split()
    assert table["error"].to_list() == [None, None, "no such file"]
    assert "gone.png: no such file" in err
    assert "knows 2 of 3 classes (BLA LYT)" in err
    assert table["p_EOS"].to_list() == [0, 0, None]


def test_a_csv_list_goes_in_and_a_csv_with_all_its_columns_comes_out(
    shell: Shell, bundle: Path, phantom: Path, tmp_path: Path
) -> None:
    first, second = sorted((phantom / "LYT").iterdir())[:2]
    (tmp_path / "list.csv").write_text(f"file,mine\n{first},1\n{second},2\n{first},3\n")
    _, err = shell("predict", tmp_path / "list.csv", "--model", bundle, "-o", tmp_path / "p.csv")
    table = read_cells(tmp_path / "p.csv")
    assert table.select("path", "mine").rows() == [
        (str(first), 1),
        (str(second), 2),
        (str(first), 3),
    ]
    assert table["cell_id"].n_unique() == 3
    assert table["confidence"].dtype == pl.Float32
    line = next(line for line in err.splitlines() if "knows 2 of 3" in line)
    assert "all the same" in line  # the warning stays one line


def test_predict_fails_when_nothing_can_be_read(shell: Shell, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    _, err = shell("predict", tmp_path, "--model", bundle, "-o", tmp_path / "p.csv", status=1)
    assert "none of 1 images could be read" in err
    assert not (tmp_path / "p.csv").exists()


def test_truth_may_come_from_another_table(
    shell: Shell, bundle: Path, phantom: Path, tmp_path: Path
) -> None:
    shell("index", phantom / "LYT", phantom / "BLA", "-o", tmp_path / "cells.parquet")
    shell("predict", phantom / "LYT", phantom / "BLA", "--model", bundle, "-o", tmp_path / "p.csv")
    _, err = shell("evaluate", tmp_path / "p.csv", "-o", tmp_path / "r", status=1)
    assert "p.csv" in err
    assert "label" in err
    truth = ["--truth", tmp_path / "cells.parquet"]
    out, _ = shell("evaluate", tmp_path / "p.csv", *truth, "-o", tmp_path / "r", "--json")
    assert json.loads(out)["cells"] == 6


def test_a_gpu_without_memory_is_one_line(
    shell: Shell, bundle: Path, phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nGPU 0 has a")

    monkeypatch.setattr("marrowscope.api.classifier.predict_table", exhausted)
    _, said = shell("predict", phantom, "--model", bundle, "-o", tmp_path / "p.csv", status=1)
    assert "marrowscope: CUDA out of memory; use a smaller batch" in said
    assert "Traceback" not in said
