"""Train one network: from a split table to a run folder with a bundle.

The run folder holds ``run.json`` (what is trained, checked by a resume), ``cells.parquet`` (the
table with stain vectors), ``last.ckpt`` while it runs, ``logs/`` (CSV, TensorBoard), and at the end
``bundle/`` and ``predictions.parquet`` (the held-out cells).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars
import torch
from numpy.typing import NDArray

from marrowscope.cells import read_cells, write_cells
from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.dataset.stain_vectors import stain_array, with_stains
from marrowscope.errors import InputError, TableError
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import Bundle, save_bundle
from marrowscope.models.card import Card
from marrowscope.models.outputs import OutputMap
from marrowscope.training.feature_baseline import train_feature_baseline
from marrowscope.training.linear_probe.train_probe import train_linear_probe
from marrowscope.training.networks.batch_stream import (
    TrainingBatches,
    TrainingSchedule,
    training_schedule,
)
from marrowscope.training.networks.compiled_step import faster_forward
from marrowscope.training.networks.lightning_module import TrainingModule
from marrowscope.training.networks.memory import keep_freed_memory, within_gpu_memory
from marrowscope.training.networks.throughput import StepClock, Throughput, bare_steps_per_second
from marrowscope.training.networks.trainer import TrainingHooks, make_trainer, uses_half_precision
from marrowscope.training.pixel_source import PixelSource, choose_store
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import (
    BUNDLE,
    CELLS,
    CHECKPOINT,
    PREDICTIONS,
    RUN,
    THREADS,
    prepare_folder,
    read_run,
    run_identity,
    saved_step,
    write_run,
)
from marrowscope.training.run_setup import (
    StartingPoint,
    card_for,
    choose_starting_point,
    module_for,
    new_network,
)
from marrowscope.training.thread_count import computing_with, crowded, threads_of_run
from marrowscope.training.training_cells import TrainingData, select_training_cells
from marrowscope.training.validation import strict_scores

CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run has to show."""

    folder: Path
    metrics: dict[str, Any]
    throughput: Throughput | None  # None for a run that was finished already


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
    hooks: TrainingHooks | None = None,
    store: Path | None = None,
    store_given: bool = True,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    checkpoint_steps: int | None = None,
    weights: Path | None = None,
    share: float = 1.0,
    head: str | None = None,
    threads: int | None = None,
) -> TrainingResult:
    """Train and write the run folder.

    A run that was killed goes on from its last checkpoint with ``resume``; on a CPU the final
    weights are then the same, bit for bit, as without the interruption.

    Args:
        table: with ``label`` and, to hold cells out, ``split`` or ``fold``.
        model: name for ``models.create``, ``features`` for the feature-based baseline, or a
            pretrained backbone (``models.backbone``). Measured features, and those of a backbone
            that is not fine-tuned, need no recipe and are kept beside the store.
        recipe: see ``training.recipe``.
        folder: the run folder.
        name: of the model in its card; default: the folder's name.
        seed: of initialization, order and augmentation.
        fold: which fold to hold out.
        resume: go on with the run in ``folder``.
        device: ``auto``, ``cpu`` or ``cuda``.
        hooks: progress.
        store: a pixel store to take the images from.
        store_given: whether ``store`` must hold every image; otherwise it is the place where a
            store is used if it is complete, and made if the images do not fit into memory.
        checkpoint_seconds, checkpoint_steps: how often to save.
        weights: to start from, see ``models.weights``; default: random. A backbone needs them.
        share: of each class's training cells that is used.
        head: of a backbone: ``linear``, ``knn`` or ``finetune``.
        threads: to compute with on the CPU, for the bits depend on it; default: those the run was
            started with, for a new one those of torch. ``run.json`` records them.

    Raises:
        InputError: one line; whatever was saved before stays.
    """
    start = choose_starting_point(model, weights, head)
    data = select_training_cells(table, fold, share, seed)
    wanted = {**run_identity(data, model, recipe, seed, fold), **start.identity()}
    name, hooks = name or folder.name, hooks or TrainingHooks()
    wanted[THREADS] = threads_of_run(folder, threads, resume)
    with computing_with(wanted[THREADS]):
        hooks.say(crowded(wanted[THREADS]) if resume else None)
        beside = store if not store_given else None
        if model == FEATURES:
            _require_images(data, packed=False)
            cache = beside and beside.with_suffix(".features")
            found = train_feature_baseline(data, wanted, folder, name, seed=seed, resume=resume,
                                   hooks=hooks, cache=cache)  # fmt: skip
            return TrainingResult(folder, found, None)
        device = choose_device(device)
        if weights is not None and not (folder / RUN).exists():
            # A wrong file is refused before the folder is taken for it.
            new_network(start, len(data.outputs), seed, lambda line: None)
        chosen, remark = choose_store(data.train, store, store_given, hooks.packing)
        _require_images(data, packed=chosen is not None)
        if start.is_linear_probe:
            cache = beside and beside.with_suffix(".frozen")
            found = train_linear_probe(
                data, start, wanted, folder, name, seed=seed, resume=resume, device=device,
                hooks=hooks, store=chosen, cache=cache,
            )  # fmt: skip
            return TrainingResult(folder, found, None)
        job = _Job(data, start, recipe, folder, name, seed, device, hooks, checkpoint_seconds,
                   checkpoint_steps)  # fmt: skip
        metrics = prepare_folder(folder, wanted, resume)
        if metrics is not None:
            return TrainingResult(folder, metrics, None)
        job.hooks.say(remark)
        try:
            return _train(job, table, chosen, resume)
        except OSError as error:
            raise InputError(
                f"{folder}: {error.strerror or error}; the last checkpoint is kept, "
                "continue with --resume"
            ) from error
        except SystemExit:
            # Lightning turns Ctrl-C into an exit without a word.
            raise KeyboardInterrupt from None


@dataclass(frozen=True)
class _Job:
    """What one call of ``train`` is about."""

    data: TrainingData
    start: StartingPoint
    recipe: Recipe
    folder: Path
    name: str
    seed: int
    device: str
    hooks: TrainingHooks
    checkpoint_seconds: float
    checkpoint_steps: int | None


def _train(
    job: _Job, table: polars.DataFrame, store: PixelStore | None, resume: bool
) -> TrainingResult:
    cells = job.folder / CELLS
    if cells.exists():
        table = read_cells(cells, needs=["stain"])
    else:
        table = with_stains(table, job.hooks.stains)
        write_cells(table, cells)
    stains = dict(zip(table["cell_id"], stain_array(table), strict=True))
    keep_freed_memory()
    train_rows = job.data.train
    pixels = PixelSource(train_rows, job.hooks.decoding, store, job.device)
    if job.device == "cuda":
        reason = pixels.move_to_gpu()
        job.hooks.say(reason and f"pixels stay in {pixels.where}: {reason}")
    of_rows = np.stack([stains[cell] for cell in train_rows["cell_id"]])
    module, clock, plan = within_gpu_memory(
        lambda resuming: _fit(job, pixels, of_rows, resuming),
        pixels,
        job.folder,
        job.recipe.batch_size,
        resume,
        job.hooks.say,
    )
    pixels.leave_gpu()
    network, rate = module.network, clock.steps_per_second
    try:
        bare = bare_steps_per_second(
            network,
            len(job.data.outputs),
            plan.batch_size,
            uses_half_precision(job.recipe, job.device),
            job.device,
            rate,
            plan.steps,
            module.compiled is not None,
        )
    except torch.OutOfMemoryError:  # a second network has no room beside the first one
        bare = None
        job.hooks.say("the GPU has no room to measure the bare network beside the trained one")
    return _finish(job, module, Throughput(plan.batch_size, rate, bare))


def _fit(
    job: _Job, pixels: PixelSource, stains: NDArray[np.float32], resume: bool
) -> tuple[TrainingModule, StepClock, TrainingSchedule]:
    """Run all steps, or those after the last checkpoint."""
    labels = job.data.targets(job.data.train)
    recipe, clock = job.recipe, StepClock()
    plan = training_schedule(labels, recipe.target_per_class, recipe.epochs, recipe.batch_size)
    module = _new_module(job, plan)
    checkpoint = job.folder / CHECKPOINT
    start_from = checkpoint if resume and checkpoint.exists() else None
    trainer = make_trainer(job.folder, job.device, recipe, plan, job.data, job.hooks, checkpoint,
                           saved_step(start_from), job.checkpoint_seconds, job.checkpoint_steps,
                           clock)  # fmt: skip
    batches = TrainingBatches(
        pixels,
        stains,
        labels,
        plan,
        recipe.target_per_class,
        job.seed,
        start=lambda: int(trainer.global_step),
    )
    module.compiled = faster_forward(
        module.network, plan.batch_size, uses_half_precision(recipe, job.device), job.device,
        plan.steps - saved_step(start_from), job.hooks.say,
    )  # fmt: skip
    trainer.fit(module, batches, ckpt_path=start_from, weights_only=True)
    if trainer.global_step < plan.steps:
        raise InputError(
            f"{job.folder}: stopped at step {trainer.global_step}; continue with --resume"
        )
    return module, clock, plan


def _new_module(job: _Job, plan: TrainingSchedule) -> TrainingModule:
    data = job.data
    network = new_network(job.start, len(data.outputs), job.seed, job.hooks.say)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    outputs = OutputMap(data.outputs, frozenset(data.known))
    # Targets count the known classes in the order of the outputs.
    order = tuple(code for code in outputs.classes if code in outputs.known)
    if order != data.known:
        raise AssertionError(f"class orders differ: {order} and {data.known}")
    return module_for(job.start, network, outputs, job.recipe, plan.steps, job.seed)


def _require_images(data: TrainingData, packed: bool) -> None:
    """Refuse to start when image files are gone that nothing replaces."""
    needed = data.held_out if packed else polars.concat([data.train, data.held_out])
    paths = needed["path"].to_list()
    gone = [path for path in paths if not Path(path).is_file()]
    if gone:
        raise TableError(
            f"{gone[0]}: no such file ({len(gone)} of {len(paths)} images of the table are "
            "missing; put them back or run 'marrowscope index' again)"
        )


def _finish(job: _Job, module: TrainingModule, throughput: Throughput) -> TrainingResult:
    network, data, recipe, folder = module.result.eval(), job.data, job.recipe, job.folder
    card = Card(
        job.name,
        job.start.model,
        data.outputs,
        data.known,
        views=recipe.views,
        recipe={**recipe.to_dict(), "seed": job.seed},
        data=data.description,
        split=data.split,
    )
    card = card_for(job.start, card, network)
    metrics: dict[str, Any] = {}
    if data.held_out.height:
        predictions = predict_table(TorchEngine(Bundle(network, card), job.device), data.held_out)
        write_cells(predictions, folder / PREDICTIONS, card.architecture)
        metrics = strict_scores(predictions)
    save_bundle(network, Card(**{**vars(card), "metrics": metrics}), folder / BUNDLE)
    finished = {"finished": True, "metrics": metrics, "throughput": throughput.to_dict()}
    write_run(folder, {**read_run(folder), **finished})
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return TrainingResult(folder, metrics, throughput)


def choose_device(device: str) -> str:
    """``auto`` settled.

    Raises:
        InputError: an unknown device, or CUDA where there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is available here")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
