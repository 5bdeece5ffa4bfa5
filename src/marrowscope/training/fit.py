"""Train one network: from a split table to a run folder with a bundle.

The run folder holds ``run.json`` (what is trained, checked by a resume), ``cells.parquet`` (the
table with stain vectors), ``last.ckpt`` while it runs, ``logs/`` (CSV, TensorBoard), and at the end
``bundle/`` and ``predictions.parquet`` (the held-out cells).
"""

import csv
import ctypes
import hashlib
import json
import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import polars
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from marrowscope.cells import probabilities, probability_codes, read_cells, write_cells
from marrowscope.dataset.stains import stain_array, with_stains
from marrowscope.errors import InputError
from marrowscope.files import replacing
from marrowscope.inference.engine import TorchEngine
from marrowscope.inference.predict import pixel_sizes, predict_table
from marrowscope.models import NAMES, create
from marrowscope.models.bundle import Bundle, save_bundle
from marrowscope.models.card import Card
from marrowscope.models.outputs import OutputMap
from marrowscope.scoring import confusion_matrix, score
from marrowscope.training.batches import Plan, TrainingBatches, make_plan
from marrowscope.training.callbacks import (
    AverageWeights,
    Checkpoints,
    EpochReports,
    LossWatch,
    StepBar,
)
from marrowscope.training.dataset import TrainingData, select
from marrowscope.training.module import TrainingModule
from marrowscope.training.pixels import Pixels
from marrowscope.training.recipe import Recipe

CHECKPOINT_SECONDS = 120.0
RUN, CELLS, CHECKPOINT = "run.json", "cells.parquet", "last.ckpt"
BUNDLE, PREDICTIONS, LOGS = "bundle", "predictions.parquet", "logs"

Advance = Callable[..., None]


@dataclass(frozen=True)
class Observer:
    """How a run tells somebody what it does; every part may be left out."""

    stains: Advance | None = None
    decoding: Advance | None = None
    steps: Advance | None = None
    epoch: Callable[[int, dict[str, float]], None] | None = None


@dataclass(frozen=True)
class Trained:
    """What a finished run has to show."""

    folder: Path
    metrics: dict[str, Any]
    images_per_second: float | None  # None for a run that was finished already
    steps_per_second: float | None


def train(
    table: polars.DataFrame,
    model: str,
    recipe: Recipe,
    folder: Path,
    *,
    name: str | None = None,
    seed: int = 0,
    fold: int | None = None,
    resume: bool = False,
    device: str = "auto",
    observer: Observer | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    checkpoint_steps: int | None = None,
) -> Trained:
    """Train and write the run folder.

    A run that was killed goes on from its last checkpoint with ``resume``; on a CPU the final
    weights are then the same, bit for bit, as without the interruption.

    Args:
        table: with ``label`` and, to hold cells out, ``split`` or ``fold``.
        model: name for ``models.create``.
        recipe: see ``training.recipe``.
        folder: the run folder.
        name: of the model in its card; default: the folder's name.
        seed: of initialization, order and augmentation.
        fold: which fold to hold out.
        resume: go on with the run in ``folder``.
        device: ``auto``, ``cpu`` or ``cuda``.
        observer: progress.
        checkpoint_seconds, checkpoint_steps: how often to save.

    Raises:
        InputError: one line; whatever was saved before stays.
    """
    observer = observer or Observer()
    device = _choose_device(device)
    if model not in NAMES:
        raise InputError(f"--model {model}: choose one of {', '.join(NAMES)}")
    data = select(table, fold)
    _require_images(data)
    identity = _identity(data, model, recipe, seed, fold)
    finished = _prepare_folder(folder, identity, resume)
    if finished is not None:
        return finished
    try:
        return _train(
            table, data, model, recipe, folder, name or folder.name, seed, device, observer,
            resume, checkpoint_seconds, checkpoint_steps,
        )  # fmt: skip
    except OSError as error:
        raise InputError(
            f"{folder}: {error.strerror or error}; the last checkpoint is kept, go on with --resume"
        ) from error
    except SystemExit:
        # Lightning turns Ctrl-C into an exit without a word.
        raise KeyboardInterrupt from None


def _train(
    table: polars.DataFrame,
    data: TrainingData,
    model: str,
    recipe: Recipe,
    folder: Path,
    name: str,
    seed: int,
    device: str,
    observer: Observer,
    resume: bool,
    checkpoint_seconds: float,
    checkpoint_steps: int | None,
) -> Trained:
    if (folder / CELLS).exists():
        table = read_cells(folder / CELLS, needs=["stain"])
    else:
        table = with_stains(table, observer.stains)
        write_cells(table, folder / CELLS)
    stains = dict(zip(table["cell_id"], stain_array(table), strict=True))
    _keep_freed_memory()
    pixels = Pixels(data.train["path"].to_list(), observer.decoding, pixel_sizes(data.train))
    labels = data.targets(data.train)
    plan = make_plan(labels, recipe.target_per_class, recipe.epochs, recipe.batch_size)
    module = _new_module(model, data, recipe, plan, seed)
    checkpoint = folder / CHECKPOINT
    start_from = checkpoint if resume and checkpoint.exists() else None
    first = _saved_step(start_from)
    trainer = _trainer(folder, device, recipe, plan, data, observer, checkpoint, first,
                       checkpoint_seconds, checkpoint_steps)  # fmt: skip
    batches = TrainingBatches(
        pixels,
        np.stack([stains[cell] for cell in data.train["cell_id"]]),
        labels,
        plan,
        recipe.target_per_class,
        seed,
        start=lambda: int(trainer.global_step),
    )
    began = time.perf_counter()
    trainer.fit(module, batches, ckpt_path=start_from, weights_only=True)
    seconds = time.perf_counter() - began
    if trainer.global_step < plan.steps:
        raise InputError(f"{folder}: stopped at step {trainer.global_step}; go on with --resume")
    rate = (plan.steps - first) / seconds
    return _finish(module, data, model, recipe, folder, name, seed, device, rate, plan)


def _new_module(
    model: str, data: TrainingData, recipe: Recipe, plan: Plan, seed: int
) -> TrainingModule:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = create(model, len(data.outputs))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    outputs = OutputMap(data.outputs, frozenset(data.known))
    # Targets count the known classes in the order of the outputs.
    order = tuple(code for code in outputs.classes if code in outputs.known)
    if order != data.known:
        raise AssertionError(f"class orders differ: {order} and {data.known}")
    return TrainingModule(network, outputs, recipe, plan.steps, seed)


def _trainer(
    folder: Path,
    device: str,
    recipe: Recipe,
    plan: Plan,
    data: TrainingData,
    observer: Observer,
    checkpoint: Path,
    first: int,
    checkpoint_seconds: float,
    checkpoint_steps: int | None,
) -> pl.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    # Deterministic mode would fill every new tensor before it is written: time for nothing here.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    watch = LossWatch()
    callbacks: list[pl.Callback] = [AverageWeights(), watch]
    if data.held_out.height:
        callbacks.append(
            EpochReports(
                plan.steps_per_epoch,
                lambda trained: _early_sight(trained, data, device),
                observer.epoch or (lambda epoch, metrics: None),
            )
        )
    if observer.steps is not None:
        callbacks.append(StepBar(observer.steps))
    # Last, so that what it saves includes what the others did at the same step.
    callbacks.append(
        Checkpoints(checkpoint, watch, plan.steps_per_epoch, checkpoint_seconds, checkpoint_steps)
    )
    bf16 = device == "cuda" or recipe.precision == "bf16"
    return pl.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        # The whole training is one Lightning epoch: virtual epochs follow from the step alone, and
        # every checkpoint is of the one kind that is made in the middle.
        max_epochs=1,
        max_steps=plan.steps,
        precision="bf16-mixed" if bf16 else "32-true",
        deterministic=device == "cpu",
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


def _require_images(data: TrainingData) -> None:
    """Refuse to start when image files are gone."""
    paths = [*data.train["path"], *data.held_out["path"]]
    gone = [path for path in paths if not Path(path).is_file()]
    if gone:
        raise InputError(
            f"{gone[0]}: no such file ({len(gone)} of {len(paths)} images of the table are "
            "missing; put them back or run 'marrowscope index' again)"
        )


def _early_sight(module: TrainingModule, data: TrainingData, device: str) -> dict[str, float]:
    """Recall per class and macro-F1 on the held-out cells, one view only, for speed."""
    card = Card("early", "", data.outputs, data.known, views=1)
    engine = TorchEngine(Bundle(module.result.eval(), card), device)
    scores = _scores(predict_table(engine, data.held_out))
    module.result.to(module.device)
    recalls = {f"recall_{code}": value for code, value in scores["recall"].items()}
    return {"macro_f1": scores["macro_f1"], **recalls}


def _scores(predictions: polars.DataFrame) -> dict[str, Any]:
    """Strict scores over the classes that occur, as plain data for the card."""
    rows = predictions.filter(polars.col("predicted").is_not_null())
    codes = probability_codes(rows)
    place = {code: index for index, code in enumerate(codes)}
    truth = np.array([place[label] for label in rows["label"]], dtype=np.int64)
    predicted = probabilities(rows).argmax(axis=1)
    result = score(confusion_matrix(truth, predicted, len(codes)))
    present = [code for code in codes if result.support[place[code]] > 0]
    return {
        "images": int(result.support.sum()),
        "macro_f1": round(float(result.macro_f1), 4),
        "accuracy": round(float(result.accuracy), 4),
        "balanced_accuracy": round(float(result.balanced_accuracy), 4),
        "recall": {code: round(float(result.recall[place[code]]), 4) for code in present},
        "f1": {code: round(float(result.f1[place[code]]), 4) for code in present},
    }


def _finish(
    module: TrainingModule,
    data: TrainingData,
    model: str,
    recipe: Recipe,
    folder: Path,
    name: str,
    seed: int,
    device: str,
    steps_per_second: float,
    plan: Plan,
) -> Trained:
    network = module.result.eval()
    card = Card(
        name,
        model,
        data.outputs,
        data.known,
        views=recipe.views,
        recipe={**recipe.to_dict(), "seed": seed},
        data=data.description,
        split=data.split,
    )
    metrics: dict[str, Any] = {}
    if data.held_out.height:
        predictions = predict_table(TorchEngine(Bundle(network, card), device), data.held_out)
        write_cells(predictions, folder / PREDICTIONS)
        metrics = _scores(predictions)
    save_bundle(network, Card(**{**vars(card), "metrics": metrics}), folder / BUNDLE)
    _write_run(folder, {**_read_run(folder), "finished": True, "metrics": metrics})
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return Trained(folder, metrics, steps_per_second * plan.batch_size, steps_per_second)


def _choose_device(device: str) -> str:
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is available here")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def _identity(
    data: TrainingData, model: str, recipe: Recipe, seed: int, fold: int | None
) -> dict[str, Any]:
    parts = [rows.select("cell_id", "label").rows() for rows in (data.train, data.held_out)]
    text = json.dumps(parts).encode()
    return {
        "model": model,
        "recipe": recipe.to_dict(),
        "seed": seed,
        "fold": fold,
        "cells_sha256": hashlib.sha256(text).hexdigest(),
    }


def _prepare_folder(folder: Path, identity: dict[str, Any], resume: bool) -> Trained | None:
    """Make or check the run folder; returns the result of a run that is finished already."""
    if not (folder / RUN).exists():
        if resume:
            raise InputError(f"{folder}: no run to resume; leave out --resume to start one")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder}: is not empty and holds no run; choose another folder")
        _write_run(folder, identity)
        return None
    if not resume:
        raise InputError(f"{folder}: holds a run; go on with --resume or choose another folder")
    earlier = _read_run(folder)
    for key, value in identity.items():
        if earlier.get(key) != json.loads(json.dumps(value)):
            raise InputError(f"{folder}: this run was started with another {key}; nothing resumed")
    if earlier.get("finished"):
        return Trained(folder, earlier["metrics"], None, None)
    if not (folder / CHECKPOINT).exists():
        shutil.rmtree(folder / LOGS, ignore_errors=True)  # killed before the first checkpoint
    return None


def _read_run(folder: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / RUN}: cannot be read ({error})") from None
    return content


def _write_run(folder: Path, content: dict[str, Any]) -> None:
    with replacing(folder / RUN) as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _saved_step(checkpoint: Path | None) -> int:
    if checkpoint is None:
        return 0
    try:
        # weights_only: a checkpoint is data, no code of it is run.
        return int(torch.load(checkpoint, weights_only=True, map_location="cpu")["global_step"])
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{checkpoint}: cannot be read ({reason}); delete it to start anew"
        ) from None


def _keep_freed_memory() -> None:
    """Ask glibc to keep freed blocks for the next step instead of giving them back.

    A step frees and takes the same few hundred megabytes; each time anew from the operating
    system means clearing every page (measured with benchmarks/training_memory.py).
    """
    if sys.platform.startswith("linux") and os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except (OSError, AttributeError):  # another C library
            return
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
        mallopt(mmap_threshold, 2**31 - 1)
        mallopt(trim_threshold, 2**31 - 1)
