"""A recipe and a schedule → the Lightning trainer: callbacks, loggers, precision."""

import csv
import logging
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.networks.batch_stream import TrainingSchedule
from marrowscope.training.networks.callbacks import (
    CheckpointSaver,
    EpochValidation,
    LossMonitor,
    StepProgress,
    WeightAveraging,
)
from marrowscope.training.networks.throughput import StepClock
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import LOGS
from marrowscope.training.training_cells import TrainingData
from marrowscope.training.validation import validation_scores


def make_trainer(
    folder: Path,
    device: str,
    recipe: Recipe,
    plan: TrainingSchedule,
    data: TrainingData,
    hooks: TrainingHooks,
    checkpoint: Path,
    first: int,
    checkpoint_seconds: float,
    checkpoint_steps: int | None,
    clock: StepClock,
) -> pl.Trainer:
    """The trainer of a run that starts at step ``first``."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    # Deterministic mode would fill every new tensor before it is written: time for nothing here.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    watch = LossMonitor()
    callbacks: list[pl.Callback] = [WeightAveraging(), watch, clock]
    if data.held_out.height:
        callbacks.append(
            EpochValidation(
                plan.steps_per_epoch,
                lambda trained: validation_scores(trained, data, device),
                hooks.epoch or (lambda epoch, metrics: None),
                clock,
            )
        )
    if hooks.steps is not None:
        callbacks.append(StepProgress(hooks.steps))
    # Last, so that what it saves includes what the others did at the same step.
    callbacks.append(
        CheckpointSaver(
            checkpoint, watch, plan.steps_per_epoch, checkpoint_seconds, checkpoint_steps, clock
        )
    )
    return pl.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        # The whole training is one Lightning epoch: virtual epochs follow from the step alone, and
        # every checkpoint is of the one kind that is made in the middle.
        max_epochs=1,
        max_steps=plan.steps,
        precision="bf16-mixed" if uses_half_precision(recipe, device) else "32-true",
        deterministic=device == "cpu",
        # All steps have the same shapes: cuDNN tries its kernels once and keeps the fastest.
        benchmark=device == "cuda",
        logger=[
            _continued_csv(folder, first),
            TensorBoardLogger(folder, name=LOGS, version="tensorboard", purge_step=first + 1),
        ],
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        use_distributed_sampler=False,
    )


def uses_half_precision(recipe: Recipe, device: str) -> bool:
    """Whether the network computes in bf16: on a GPU always."""
    return device == "cuda" or recipe.precision == "bf16"


def _continued_csv(folder: Path, first: int) -> CSVLogger:
    """A CSV log that keeps what an earlier part of the run wrote up to step ``first``.

    Lightning's own would start by deleting it.
    """
    earlier: list[dict[str, Any]] = []
    path = folder / LOGS / "csv" / "metrics.csv"
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.DictReader(stream) if (row.get("step") or "").isdigit()]
        earlier = [
            {name: float(value) for name, value in row.items() if name != "step" and value}
            | {"step": int(row["step"])}
            for row in rows
            if int(row["step"]) <= first
        ]
    logger = CSVLogger(folder, name=LOGS, version="csv")
    logger.experiment.metrics.extend(earlier)
    logger.save()
    return logger
