"""Small trainings: cells and recipes in; a run that stops, is killed or goes on out."""

import multiprocessing
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import torch

from marrowscope.augment import AugmentationSettings
from marrowscope.cells import read_cells
from marrowscope.dataset.indexing import index
from marrowscope.dataset.splitting import hold_out
from marrowscope.models import bundle_writer, sequential
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.recipe import Recipe
from marrowscope.training.self_supervised.pretrain import pretrain
from marrowscope.training.train import train

# Bits depend on it; what ran before in the process must not decide it.
THREADS = 1
SMALL = Recipe(
    name="small",
    epochs=3,
    target_per_class=8,
    batch_size=4,
    optimizer="adamw",
    schedule="one_cycle",
    warmup=0.2,
    learning_rate=0.002,
    weight_decay=0.05,
    label_smoothing=0.05,
    mixup=0.2,
    average=0.9,
)  # 2 classes × 8 images in batches of 4: 4 steps an epoch, 12 in all
UNLABELLED = Recipe(
    name="small", epochs=2, target_per_class=None, batch_size=12, optimizer="adamw",
    learning_rate=0.002, augmentation=AugmentationSettings(shift=0.1),
)  # fmt: skip


def dark_and_light_cells(folder: Path, of_each: int) -> pl.DataFrame:
    """Images of two of the 21 classes, indexed and split: dark ones (LYT) and light ones (NGS)."""
    random = np.random.default_rng(0)
    for code, level in (("LYT", 80), ("NGS", 180)):
        (folder / code).mkdir()
        for number in range(of_each):
            image = random.normal(level, 30, (250, 250, 3)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / code / f"{number}.png"), image)
    return hold_out(index([folder]), 0.25).table


def stop_at(step: int) -> TrainingHooks:
    """Hooks that end the run with RuntimeError after so many steps."""
    done = 0

    def advance(count: int = 1, total: int | None = None) -> None:
        nonlocal done
        done += count
        if done >= step:
            raise RuntimeError("stop here")

    return TrainingHooks(steps=advance)


# Processes of their own: forked off one that has imported the libraries, which takes five seconds,
# and has computed nothing.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([train.__module__, pretrain.__module__])


def killed(method: str, table: Path, folder: Path, kills: int) -> None:
    """Run in a process of its own and kill it, each time right after another checkpoint appears."""
    checkpoint, seen = folder / "last.ckpt", 0
    for _ in range(kills):
        process = _started(method, table, folder)
        limit = time.monotonic() + 120
        while time.monotonic() < limit and process.is_alive():
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != seen:
                seen = checkpoint.stat().st_mtime_ns
                break
            time.sleep(0.002)
        assert process.is_alive(), "the run ended before it could be killed"
        process.kill()
        process.join()


def run_to_the_end(method: str, table: Path, folder: Path, threads: int = THREADS) -> None:
    """Run in a process of its own until the end, from the beginning or from the last checkpoint."""
    process = _started(method, table, folder, threads)
    process.join()
    assert process.exitcode == 0


def _started(method: str, table: Path, folder: Path, threads: int = THREADS) -> ForkServerProcess:
    layers = sequential.LAYERS  # as a test made them
    process = _PROCESSES.Process(target=_run, args=(layers, method, table, folder, threads))
    process.start()
    return process


def _run(layers: Any, method: str, table: Path, folder: Path, threads: int) -> None:
    sequential.LAYERS = layers
    torch.set_num_threads(threads)  # as the environment of the process would have it
    bundle_writer.make_graph = lambda model, card: (
        {},
        {},
    )  # the bits of a graph have tests of their own
    # A run that goes on takes its number of threads from its folder.
    options: dict[str, Any] = {"checkpoint_steps": 1, "resume": folder.exists()}
    options["threads"] = None if folder.exists() else THREADS
    if method == "train":
        train(read_cells(table), "sequential", SMALL, folder, **options)
    else:
        pretrain(read_cells(table), "sequential", UNLABELLED, folder, **options)
