"""Train one network: a job in, the network with its speed out.

While it runs, the run folder gets ``cells.parquet`` (the table with stain vectors), ``last.ckpt``
and ``logs/``.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.cells import read_cells, write_cells
from marrowscope.dataset.stain_vectors import stain_array, with_stains
from marrowscope.errors import InputError
from marrowscope.models.architectures import FINETUNE
from marrowscope.models.outputs import OutputMap
from marrowscope.training.networks.batch_stream import (
    TrainingBatches,
    TrainingSchedule,
    training_schedule,
)
from marrowscope.training.networks.compiled_step import faster_forward
from marrowscope.training.networks.finetuning import FinetuneModule
from marrowscope.training.networks.lightning_module import TrainingModule
from marrowscope.training.networks.memory import keep_freed_memory, within_gpu_memory
from marrowscope.training.networks.throughput import StepClock, Throughput, bare_steps_per_second
from marrowscope.training.networks.trainer import make_trainer, uses_half_precision
from marrowscope.training.pixel_source import PixelSource
from marrowscope.training.run_folder import CELLS, CHECKPOINT, saved_step
from marrowscope.training.run_setup import new_network
from marrowscope.training.training_cells import laboratory_indices
from marrowscope.training.training_job import FittedModel, TrainingJob


def fit_network(job: TrainingJob) -> FittedModel:
    """Train, or continue after the last checkpoint.

    Args:
        job: of a network, or of a backbone that is fine-tuned.

    Raises:
        InputError: an image cannot be read, the loss or a weight is not finite, or the memory does
            not hold a batch.
    """
    cells = job.folder / CELLS
    if cells.exists():
        table = read_cells(cells, needs=["stain"])
    else:
        table = with_stains(job.table, job.hooks.stains)
        write_cells(table, cells)
    stains = dict(zip(table["cell_id"], stain_array(table), strict=True))
    keep_freed_memory()
    train_rows = job.data.train
    pixels = PixelSource(train_rows, job.hooks.decoding, job.store, job.device)
    if job.device == "cuda":
        reason = pixels.move_to_gpu()
        job.hooks.say(reason and f"pixels stay in {pixels.where}: {reason}")
    of_rows = np.stack([stains[cell] for cell in train_rows["cell_id"]])
    module, clock, plan = within_gpu_memory(
        lambda resuming: _fit(job, pixels, of_rows, resuming),
        pixels,
        job.folder,
        job.recipe.batch_size,
        job.resume,
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
    return FittedModel(
        module.result.eval(),
        {**job.recipe.to_dict(), "seed": job.seed},
        views=job.recipe.views,
        throughput=Throughput(plan.batch_size, rate, bare),
    )


def _fit(
    job: TrainingJob, pixels: PixelSource, stains: NDArray[np.float32], resume: bool
) -> tuple[TrainingModule, StepClock, TrainingSchedule]:
    """Run all steps, or those after the last checkpoint."""
    labels = job.data.targets(job.data.train)
    recipe, clock = job.recipe, StepClock()
    plan = training_schedule(labels, recipe.target_per_class, recipe.epochs, recipe.batch_size)
    module = _new_module(job, plan)
    checkpoint = job.folder / CHECKPOINT
    start_from = checkpoint if resume and checkpoint.exists() else None
    trainer = make_trainer(
        job.folder,
        job.device,
        recipe,
        plan,
        job.data,
        job.hooks,
        checkpoint,
        saved_step(start_from),
        job.checkpoint_seconds,
        job.checkpoint_steps,
        clock,
    )
    batches = TrainingBatches(
        pixels,
        stains,
        labels,
        plan,
        recipe.target_per_class,
        job.seed,
        start=lambda: int(trainer.global_step),
        laboratories=laboratory_indices(job.data.train),
        balanced=recipe.balance == "laboratory",
        stain_transfer=recipe.augmentation.stain_transfer,
    )
    module.compiled = faster_forward(
        module.network,
        plan.batch_size,
        uses_half_precision(recipe, job.device),
        job.device,
        plan.steps - saved_step(start_from),
        job.hooks.say,
    )
    trainer.fit(module, batches, ckpt_path=start_from, weights_only=True)
    if trainer.global_step < plan.steps:
        raise InputError(
            f"{job.folder}: stopped at step {trainer.global_step}; continue with `resume=True`"
        )
    return module, clock, plan


def _new_module(job: TrainingJob, plan: TrainingSchedule) -> TrainingModule:
    data = job.data
    network = new_network(job.start, len(data.outputs), job.seed, job.hooks.say)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    outputs = OutputMap(data.outputs, frozenset(data.known))
    # Targets count the known classes in the order of the outputs.
    order = tuple(code for code in outputs.classes if code in outputs.known)
    if order != data.known:
        raise AssertionError(f"class orders differ: {order} and {data.known}")
    # What is below the last layer may learn more slowly; a recipe says how much.
    slower = job.start.head == FINETUNE or job.recipe.body_rate != 1.0
    kind = FinetuneModule if slower else TrainingModule
    return kind(network, outputs, job.recipe, plan.steps, job.seed)
