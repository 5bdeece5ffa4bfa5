"""Training: killed and resumed, it ends with the same bits; what goes wrong is one line."""

import errno
import json
import os
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from lightning.pytorch import Trainer
from safetensors.torch import save_file

from marrowscope.cells import read_cells, write_cells
from marrowscope.dataset.packing import pack
from marrowscope.errors import InputError
from marrowscope.models.bundle import load_bundle
from marrowscope.training import finish_run, pixel_source
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.networks import throughput, train_network
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_setup import StartingPoint, new_network
from marrowscope.training.train import train as train_any
from support.training_runs import (
    SMALL,
    THREADS,
    dark_and_light_cells,
    killed,
    run_to_the_end,
    stop_at,
)

pytestmark = pytest.mark.usefixtures("thin_network", "without_graph")
# Each run with the same number of threads, whatever ran before in this process.
train = partial(train_any, threads=THREADS)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return dark_and_light_cells(tmp_path_factory.mktemp("images"), 12)


def weights(folder: Path) -> bytes:
    return (folder / "bundle" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def finished(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(table, "sequential", SMALL, folder)
    return folder


def test_a_run_leaves_bundle_predictions_table_and_logs(finished: Path) -> None:
    bundle = load_bundle(finished / "bundle")
    assert bundle.card.known == ("NGS", "LYT")
    assert len(bundle.card.outputs) == 22
    assert bundle.card.data["images"] == {"NGS": 9, "LYT": 9}
    assert bundle.card.data["appearance"] == {}  # nine cells of a class say too little
    assert bundle.card.recipe["learning_rate"] == 0.002
    assert "by image" in bundle.card.split["method"]
    assert bundle.card.metrics["images"] == 6
    predictions = read_cells(finished / "predictions.parquet", needs=["label", "p_LYT"])
    assert predictions.height == 6
    assert read_cells(finished / "cells.parquet")["stain"].null_count() == 0
    logs = pl.read_csv(finished / "logs" / "csv" / "metrics.csv")
    assert logs["held_out/recall_LYT"].drop_nulls().len() == 3  # once an epoch
    assert list((finished / "logs" / "tensorboard").glob("events*"))
    assert not (finished / "last.ckpt").exists()


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(
    table: pl.DataFrame, finished: Path, tmp_path: Path
) -> None:
    train(table, "sequential", SMALL, tmp_path / "same")
    assert weights(tmp_path / "same") == weights(finished)
    train(table, "sequential", SMALL, tmp_path / "other", seed=1)
    assert weights(tmp_path / "other") != weights(finished)


def test_killed_and_resumed_it_ends_with_the_same_bits(
    table: pl.DataFrame, finished: Path, tmp_path: Path
) -> None:
    write_cells(table, tmp_path / "split.parquet")
    run = tmp_path / "run"
    killed("train", tmp_path / "split.parquet", run, 1)
    assert 0 < torch.load(run / "last.ckpt", weights_only=True)["global_step"] < 12
    assert not (run / "bundle").exists()
    # With other threads at hand: the run goes on with those that it recorded.
    run_to_the_end("train", tmp_path / "split.parquet", run, threads=2)
    assert weights(run) == weights(finished)
    one = read_cells(run / "predictions.parquet")
    assert one.equals(read_cells(finished / "predictions.parquet"))


def test_resuming_a_finished_run_says_so_and_changes_nothing(
    table: pl.DataFrame, finished: Path
) -> None:
    before = weights(finished)
    result = train(table, "sequential", SMALL, finished, resume=True)
    assert result.throughput is None
    assert result.metrics == json.loads((finished / "run.json").read_text())["metrics"]
    assert weights(finished) == before


def test_a_run_is_not_overwritten_nor_resumed_as_something_else(
    table: pl.DataFrame, finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="`resume"):
        train(table, "sequential", SMALL, finished)
    with pytest.raises(InputError, match="another seed"):
        train(table, "sequential", SMALL, finished, seed=5, resume=True)
    with pytest.raises(InputError, match="another model"):
        train(table, "resnext50", SMALL, finished, resume=True)
    with pytest.raises(InputError, match="another cells"):
        train(table.head(20), "sequential", SMALL, finished, resume=True)
    with pytest.raises(InputError, match="no run to resume"):
        train(table, "sequential", SMALL, tmp_path / "new", resume=True)
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty"):
        train(table, "sequential", SMALL, tmp_path)


def test_a_loss_that_is_not_finite_stops_with_its_step_and_keeps_the_checkpoint(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = train_network.TrainingModule.training_step

    def poisoned(self, batch, index):
        loss = original(self, batch, index)
        if self.trainer.global_step == 6:
            loss = loss * float("nan")
            self.recent_losses[-1] = loss.detach()
        return loss

    monkeypatch.setattr(train_network.TrainingModule, "training_step", poisoned)
    with pytest.raises(InputError, match="nan at step 7"):
        train(table, "sequential", SMALL, tmp_path / "run", checkpoint_steps=1)
    saved = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 6
    assert all(torch.isfinite(t).all() for t in saved["state_dict"].values())


def test_a_full_disk_is_one_line_and_the_checkpoint_before_it_resumes(
    table: pl.DataFrame, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Trainer.save_checkpoint

    def full(self, path, *rest, **options):
        if self.global_step == 5:
            Path(path).write_bytes(b"half a checkpoint")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(self, path, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save_checkpoint", full)
        with pytest.raises(InputError, match="No space left on device"):
            train(table, "sequential", SMALL, tmp_path / "run", checkpoint_steps=1)
    assert torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["global_step"] == 4
    train(table, "sequential", SMALL, tmp_path / "run", resume=True)
    assert weights(tmp_path / "run") == weights(finished)


def test_a_checkpoint_that_is_damaged_is_named(table: pl.DataFrame, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="stop here"):
        train(table, "sequential", SMALL, run, checkpoint_steps=1, hooks=stop_at(3))
    (run / "last.ckpt").write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"last\.ckpt"):
        train(table, "sequential", SMALL, run, resume=True)


def test_a_missing_image_is_named_before_training_starts(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    gone = table.with_columns(
        pl.when(pl.col("split") == "train")
        .then(pl.lit(str(tmp_path / "gone.png")))
        .otherwise("path")
        .alias("path")
    )
    with pytest.raises(InputError, match=r"gone\.png: no such file \(18 of 24"):
        train(gone, "sequential", SMALL, tmp_path / "run")


def test_a_table_without_a_split_trains_on_everything(table: pl.DataFrame, tmp_path: Path) -> None:
    one_epoch = Recipe(epochs=1, target_per_class=2, batch_size=4)
    result = train(table.drop("split"), "sequential", one_epoch, tmp_path / "run")
    assert result.metrics == {}
    assert load_bundle(tmp_path / "run/bundle").card.data["images"] == {"NGS": 12, "LYT": 12}
    assert not (tmp_path / "run/predictions.parquet").exists()


def test_a_scheme_of_ones_own_gets_its_own_outputs(table: pl.DataFrame, tmp_path: Path) -> None:
    own = table.with_columns(pl.col("label").replace({"LYT": "dark", "NGS": "light"}))
    one_epoch = Recipe(epochs=1, target_per_class=2, batch_size=4)
    train(own, "sequential", one_epoch, tmp_path / "run")
    assert load_bundle(tmp_path / "run/bundle").card.outputs == ("dark", "light")


def test_the_log_of_a_resumed_run_goes_on_where_it_was(
    table: pl.DataFrame, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="stop here"):
        train(table, "sequential", SMALL, run, checkpoint_steps=1, hooks=stop_at(7))
    train(table, "sequential", SMALL, run, resume=True)
    logs = pl.read_csv(run / "logs" / "csv" / "metrics.csv")
    whole = pl.read_csv(finished / "logs" / "csv" / "metrics.csv")
    held_out = [name for name in whole.columns if name.startswith("held_out")]
    kept = logs.select("step", *held_out).drop_nulls()
    assert kept["step"].to_list() == [4, 8, 12]
    assert kept.equals(whole.select("step", *held_out).drop_nulls())
    assert logs.filter(pl.col("loss").is_not_null())["step"].is_unique().all()


def test_a_weight_that_is_not_finite_is_never_saved(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = train_network.TrainingModule.optimizer_step

    def poisoned(self, *arguments, **options):
        original(self, *arguments, **options)
        if self.trainer.global_step == 5:  # counted after the step
            with torch.no_grad():
                self.network.head.bias[0] = float("inf")

    monkeypatch.setattr(train_network.TrainingModule, "optimizer_step", poisoned)
    with pytest.raises(InputError, match=r"weight .* before step 7"):
        train(table, "sequential", SMALL, tmp_path / "run", checkpoint_steps=2)
    saved = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 4


def test_a_run_that_ended_before_its_bundle_was_written_needs_no_more_steps(
    table: pl.DataFrame, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("bundle: cannot be written: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(finish_run, "save_bundle", full)
        with pytest.raises(InputError, match="No space left"):
            train(table, "sequential", SMALL, tmp_path / "run")
    seen: list[int] = []
    hooks = TrainingHooks(steps=lambda count=1, total=None: seen.append(count))
    train(table, "sequential", SMALL, tmp_path / "run", resume=True, hooks=hooks)
    assert seen == []
    assert weights(tmp_path / "run") == weights(finished)


@pytest.mark.parametrize(
    "change",
    [
        {"precision": "bf16"},
        {"optimizer": "adam", "average": 0.0, "mixup": 0.0, "schedule": "constant"},
    ],
)
def test_other_recipes_resume_to_the_same_bits_too(
    table: pl.DataFrame, tmp_path: Path, change: dict[str, object]
) -> None:
    recipe = replace(SMALL, epochs=2, views=8, **change)
    train(table, "sequential", recipe, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stop here"):
        train(table, "sequential", recipe, tmp_path / "run", checkpoint_steps=1, hooks=stop_at(6))
    train(table, "sequential", recipe, tmp_path / "run", resume=True)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_a_pretrained_network_resumes_to_the_same_bits(table: pl.DataFrame, tmp_path: Path) -> None:
    """It drops features at random, and some of its gradients are computed in another precision."""
    recipe = replace(SMALL, epochs=1, target_per_class=6, precision="bf16", mixup=0.0)
    run = partial(train, table, "efficientnet-lite0", recipe, weights=Path("imagenet"))
    run(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stop here"):
        run(tmp_path / "run", checkpoint_steps=1, hooks=stop_at(2))
    run(tmp_path / "run", resume=True)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    card = load_bundle(tmp_path / "run" / "bundle").card
    assert card.recipe["start_weights_licence"] == "Apache-2.0"
    with pytest.raises(InputError, match="another weights_sha256"):
        train(table, "efficientnet-lite0", recipe, tmp_path / "run", resume=True)


def test_below_the_last_layer_nothing_is_learned_where_the_recipe_says_so(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    recipe = replace(SMALL, epochs=1, body_rate=0.0, average=0.0)
    start = new_network(StartingPoint("sequential"), 22, 0, lambda line: None).state_dict()
    train(table, "sequential", recipe, tmp_path / "run")
    learned = load_bundle(tmp_path / "run" / "bundle").model.state_dict()
    changed = [name for name in start if not torch.equal(start[name], learned[name])]
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert [name for name in changed if not name.endswith(statistics)] == [
        "head.weight",
        "head.bias",
    ]


def test_images_read_from_disk_at_every_step_train_the_same_network(
    table: pl.DataFrame, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_source, "free_memory", lambda: 0)
    train(table, "sequential", SMALL, tmp_path / "run")
    assert weights(tmp_path / "run") == weights(finished)


def test_a_store_trains_the_same_network(
    table: pl.DataFrame, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(table[::-1], tmp_path / "s")
    monkeypatch.setattr(pixel_source, "read_cell", lambda cell: pytest.fail("decoded again"))
    train(table, "sequential", SMALL, tmp_path / "run", store=tmp_path / "s")
    assert weights(tmp_path / "run") == weights(finished)


def test_a_store_is_made_where_images_do_not_fit_into_memory_and_is_used_again(
    table: pl.DataFrame, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_source, "free_memory", lambda: 0)
    said: list[str] = []
    where, options = (
        tmp_path / "s",
        {"store_given": False, "hooks": TrainingHooks(line=said.append)},
    )
    train(table, "sequential", SMALL, tmp_path / "run", store=where, **options)
    assert said == [f"pixels do not fit into memory: packed into {where}"]
    assert weights(tmp_path / "run") == weights(finished)
    train(table, "sequential", SMALL, tmp_path / "again", store=where, **options)
    assert said[1:] == [f"pixels from {where}"]
    assert weights(tmp_path / "again") == weights(finished)


def test_a_store_that_was_named_but_lacks_images_is_refused(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    rows = table.filter(pl.col("split") == "train")
    pack(rows[3:], tmp_path / "s")
    with pytest.raises(InputError, match=r"s: lacks 3 of 18 training images, the first is .*png"):
        train(table, "sequential", SMALL, tmp_path / "run", store=tmp_path / "s")
    assert not (tmp_path / "run").exists()


def test_damaged_packed_pixels_stop_the_training_with_one_line(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    pack(table, tmp_path / "s")
    with (tmp_path / "s" / "pixels.bin").open("r+b") as stream:
        for row in range(24):
            stream.seek(row * 187_500 + 50)
            stream.write(b"\x01\x02\x03")
    with pytest.raises(InputError, match=r"pixels\.bin: image \d+ .* is damaged"):
        train(table, "sequential", SMALL, tmp_path / "run", store=tmp_path / "s")


def test_a_gpu_that_runs_out_of_memory_gives_the_pixels_back_and_goes_on(
    table: pl.DataFrame, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No GPU here: the pixels are made resident all the same, and one step is made to fail.
    class Resident(train_network.PixelSource):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            assert self.move_to_gpu() is None
            assert self.where == "GPU"
            taken.append(weakref.ref(self._resident))

    step, failed, taken = train_network.TrainingModule.training_step, [], []

    def exhausted(self, batch, index):
        if self.trainer.global_step == 7 and not failed:
            failed.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory")
        assert not failed or taken[0]() is None, "the next step finds the memory still taken"
        return step(self, batch, index)

    monkeypatch.setattr(train_network, "PixelSource", Resident)
    monkeypatch.setattr(train_network.TrainingModule, "training_step", exhausted)
    said: list[str] = []
    train(table, "sequential", SMALL, tmp_path / "run", hooks=TrainingHooks(line=said.append))
    assert said == ["the GPU ran out of memory: pixels go back to memory"]
    assert weights(tmp_path / "run") == weights(finished)


def test_a_gpu_too_small_for_the_batch_is_one_line(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(train_network.TrainingModule, "training_step", exhausted)
    with pytest.raises(InputError, match=r"GPU ran out of memory; lower batch_size .*\(4\)"):
        train(table, "sequential", SMALL, tmp_path / "run")


def test_no_room_to_measure_the_bare_network_does_not_stop_a_run_that_is_trained(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(train_network, "bare_steps_per_second", exhausted)
    said: list[str] = []
    result = train(
        table, "sequential", SMALL, tmp_path / "run", hooks=TrainingHooks(line=said.append)
    )
    assert said == ["the GPU has no room to measure the bare network beside the trained one"]
    assert result.throughput is not None
    assert result.throughput.ratio is None
    assert (tmp_path / "run/bundle/card.json").exists()


def test_long_runs_tell_their_speed_beside_the_network_alone(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "MIN_STEPS", 3)
    monkeypatch.setattr(throughput, "BARE_SECONDS", 0.05)
    result = train(table, "sequential", SMALL, tmp_path / "run")
    speed = result.throughput
    assert speed is not None
    assert speed.steps_per_second > 0
    assert speed.images_per_second == speed.steps_per_second * 4
    assert 0 < speed.ratio < 5
    assert json.loads((tmp_path / "run/run.json").read_text())["throughput"] == speed.to_dict()


def test_stain_vectors_that_the_table_has_are_used(table: pl.DataFrame, tmp_path: Path) -> None:
    given = [0.6, 0.8, 0.0, 0.0, 0.8, 0.6]
    stained = table.with_columns(
        pl.Series("stain", [given] * table.height, dtype=pl.Array(pl.Float32, 6))
    )
    one_epoch = Recipe(epochs=1, target_per_class=2, batch_size=4)
    train(stained, "sequential", one_epoch, tmp_path / "run")
    kept = read_cells(tmp_path / "run" / "cells.parquet")["stain"].to_list()
    np.testing.assert_allclose(kept, [given] * table.height, rtol=1e-6)


def test_wrong_weights_leave_no_run_behind(table: pl.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file({"strange": torch.zeros(3)}, file)
    for model, head in (("sequential", None), ("vit", "linear"), ("vit", "finetune")):
        with pytest.raises(InputError, match=r"w\.safetensors"):
            train(table, model, SMALL, tmp_path / "run", weights=file, head=head)
    assert not (tmp_path / "run").exists()
