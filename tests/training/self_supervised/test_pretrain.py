"""Learning without labels: the loss as published, the run resumable, labels and held-out unused."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors import safe_open

from marrowscope.cells import write_cells
from marrowscope.errors import InputError
from marrowscope.models import create
from marrowscope.models.bundle import load_bundle
from marrowscope.models.start_weights import load_start_weights
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.recipe import Recipe
from marrowscope.training.self_supervised import pretrain as module
from marrowscope.training.self_supervised.pretrain import PretrainingResult, neighbour_purity
from marrowscope.training.train import train
from support.training_runs import (
    THREADS,
    UNLABELLED,
    dark_and_light_cells,
    killed,
    run_to_the_end,
)

pytestmark = pytest.mark.usefixtures("thin_network")

# Each run with the same number of threads, whatever ran before in this process.
pretrain = partial(module.pretrain, threads=THREADS)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return dark_and_light_cells(tmp_path_factory.mktemp("images"), 24).sort("cell_id")


@pytest.fixture(scope="module")
def run(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> PretrainingResult:
    return pretrain(table, "sequential", UNLABELLED, tmp_path_factory.mktemp("run") / "run")


def test_only_training_images_take_part_and_labels_do_not(
    table: pl.DataFrame, run: PretrainingResult, tmp_path: Path
) -> None:
    assert run.images == 36
    other = table.with_columns(pl.col("label").reverse())
    again = pretrain(other, "sequential", UNLABELLED, tmp_path / "run")
    assert again.weights.read_bytes() == run.weights.read_bytes()


def test_the_file_holds_the_network_without_its_last_layer_and_says_how_it_came(
    run: PretrainingResult,
) -> None:
    with safe_open(run.weights, framework="pt") as file:
        names, facts = set(file.keys()), json.loads(file.metadata()["marrowscope"])
    own = create("sequential", 2).state_dict()
    assert names == {name for name in own if not name.startswith("head.")}
    assert (facts["method"], facts["model"], facts["images"]) == ("VICReg", "sequential", 36)


@pytest.mark.usefixtures("without_graph")
def test_training_starts_from_them_and_says_so_in_the_card(
    table: pl.DataFrame, run: PretrainingResult, tmp_path: Path
) -> None:
    network = create("sequential", 22)
    assert load_start_weights(network, run.weights) == ("head.weight", "head.bias")
    recipe = Recipe(epochs=1, target_per_class=4, batch_size=4, learning_rate=1e-9)
    train(table, "sequential", recipe, tmp_path / "run", weights=run.weights)
    made = load_bundle(tmp_path / "run" / "bundle")
    learned = made.model.state_dict()["layers.0.weight"]
    # A learning rate of nearly nothing leaves what the network started from.
    assert torch.allclose(learned, network.state_dict()["layers.0.weight"], atol=1e-6)
    assert made.card.recipe["start_weights"] == "weights.safetensors"


def test_killed_and_resumed_it_ends_with_the_same_bits(
    table: pl.DataFrame, run: PretrainingResult, tmp_path: Path
) -> None:
    write_cells(table, tmp_path / "split.parquet")
    folder = tmp_path / "run"
    killed("pretrain", tmp_path / "split.parquet", folder, 1)
    assert not (folder / "weights.safetensors").exists()
    run_to_the_end("pretrain", tmp_path / "split.parquet", folder, threads=2)
    assert (folder / "weights.safetensors").read_bytes() == run.weights.read_bytes()


def test_a_finished_run_is_not_done_again(table: pl.DataFrame, run: PretrainingResult) -> None:
    before = run.weights.stat().st_mtime_ns
    again = pretrain(table, "sequential", UNLABELLED, run.weights.parent, resume=True)
    assert again == run
    assert run.weights.stat().st_mtime_ns == before


def test_few_images_and_another_run_are_refused(
    table: pl.DataFrame, run: PretrainingResult, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="32 at least"):
        pretrain(table.head(8), "sequential", UNLABELLED, tmp_path / "few")
    with pytest.raises(InputError, match="another seed"):
        pretrain(table, "sequential", UNLABELLED, run.weights.parent, seed=5, resume=True)


def test_neighbours_of_two_far_groups_have_the_same_label() -> None:
    random = np.random.default_rng(0)
    features = random.normal(0, 0.1, (40, 2))
    features[:20, 0] += 30
    features[20:, 1] += 30
    labels = np.array(["LYT"] * 20 + ["NGS"] * 20)
    assert neighbour_purity(features.astype(np.float32), labels) == 1.0
    mixed = np.array(["LYT", "NGS"] * 20)
    assert neighbour_purity(features.astype(np.float32), mixed) < 0.7


def test_a_gpu_that_runs_out_of_memory_gives_the_pixels_back_and_goes_on(
    table: pl.DataFrame, run: PretrainingResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No GPU here: the pixels are made resident all the same, and one step is made to fail.
    class Resident(module.PixelSource):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            assert self.move_to_gpu() is None

    step, failed = module.PretrainingModule.training_step, []

    def exhausted(self, batch, index):
        if self.trainer.global_step == 3 and not failed:
            failed.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self, batch, index)

    monkeypatch.setattr(module, "PixelSource", Resident)
    monkeypatch.setattr(module.PretrainingModule, "training_step", exhausted)
    said: list[str] = []
    found = pretrain(
        table, "sequential", UNLABELLED, tmp_path / "run", hooks=TrainingHooks(line=said.append)
    )
    assert said == ["the GPU ran out of memory: pixels go back to memory"]
    assert found.weights.read_bytes() == run.weights.read_bytes()
