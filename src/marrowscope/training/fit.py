"""Train one network: from a split table to a run folder with a bundle.

The run folder holds ``run.json`` (what is trained, checked by a resume), ``cells.parquet`` (the
table with stain vectors), ``last.ckpt`` while it runs, ``logs/`` (CSV, TensorBoard), and at the end
``bundle/`` and ``predictions.parquet`` (the held-out cells).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars
import torch

from marrowscope.cells import read_cells, write_cells
from marrowscope.crop import pixel_sizes
from marrowscope.dataset.stains import stain_array, with_stains
from marrowscope.errors import InputError
from marrowscope.inference.engine import TorchEngine
from marrowscope.inference.predict import predict_table
from marrowscope.models import NAMES, create
from marrowscope.models.bundle import Bundle, save_bundle
from marrowscope.models.card import Card
from marrowscope.models.outputs import OutputMap
from marrowscope.training.batches import Plan, TrainingBatches, make_plan
from marrowscope.training.dataset import TrainingData, select
from marrowscope.training.held_out import strict_scores
from marrowscope.training.loop import Observer, make_trainer
from marrowscope.training.memory import keep_freed_memory
from marrowscope.training.module import TrainingModule
from marrowscope.training.pixels import Pixels
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import (
    BUNDLE,
    CELLS,
    CHECKPOINT,
    PREDICTIONS,
    identity,
    prepare_folder,
    read_run,
    saved_step,
    write_run,
)

CHECKPOINT_SECONDS = 120.0


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
    metrics = prepare_folder(folder, identity(data, model, recipe, seed, fold), resume)
    if metrics is not None:
        return Trained(folder, metrics, None, None)
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
    keep_freed_memory()
    pixels = Pixels(data.train["path"].to_list(), observer.decoding, pixel_sizes(data.train))
    labels = data.targets(data.train)
    plan = make_plan(labels, recipe.target_per_class, recipe.epochs, recipe.batch_size)
    module = _new_module(model, data, recipe, plan, seed)
    checkpoint = folder / CHECKPOINT
    start_from = checkpoint if resume and checkpoint.exists() else None
    first = saved_step(start_from)
    trainer = make_trainer(folder, device, recipe, plan, data, observer, checkpoint, first,
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


def _require_images(data: TrainingData) -> None:
    """Refuse to start when image files are gone."""
    paths = [*data.train["path"], *data.held_out["path"]]
    gone = [path for path in paths if not Path(path).is_file()]
    if gone:
        raise InputError(
            f"{gone[0]}: no such file ({len(gone)} of {len(paths)} images of the table are "
            "missing; put them back or run 'marrowscope index' again)"
        )


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
        metrics = strict_scores(predictions)
    save_bundle(network, Card(**{**vars(card), "metrics": metrics}), folder / BUNDLE)
    write_run(folder, {**read_run(folder), "finished": True, "metrics": metrics})
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return Trained(folder, metrics, steps_per_second * plan.batch_size, steps_per_second)


def _choose_device(device: str) -> str:
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is available here")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
