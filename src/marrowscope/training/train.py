"""Train any model: a split table in, a run folder with a bundle out.

Networks, last layers on a backbone that stays as it is, and the feature-based baseline begin and
end in the same way; only what is in between differs.

The run folder holds ``run.json`` (what is trained, checked by a resume), ``cells.parquet`` (the
table with stain vectors, of networks), ``last.ckpt`` while it runs, ``logs/`` (CSV, TensorBoard),
and at the end ``bundle/`` and ``predictions.parquet`` (the held-out cells).
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from marrowscope.errors import TableError
from marrowscope.models.architectures import FEATURES
from marrowscope.training.finish_run import finish_run
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.pixel_source import choose_store
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import (
    RUN,
    THREADS,
    explained_interruptions,
    prepare_folder,
    run_identity,
)
from marrowscope.training.run_setup import (
    StartingPoint,
    choose_device,
    choose_starting_point,
    new_network,
)
from marrowscope.training.thread_count import (
    fixed_thread_count,
    oversubscription_note,
    run_thread_count,
)
from marrowscope.training.training_cells import TrainingData, select_training_cells
from marrowscope.training.training_job import (
    CHECKPOINT_SECONDS,
    FittedModel,
    TrainingJob,
    TrainingResult,
)


def train(
    table: pl.DataFrame,
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
    """Train any kind of model and write the run folder.

    A run that was killed continues from its last checkpoint with ``resume``; on a CPU the final
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
        resume: continue the run in ``folder``.
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
    identity = {**run_identity(data, model, recipe, seed, fold), **start.identity()}
    identity[THREADS] = run_thread_count(folder, threads, resume)
    hooks = hooks or TrainingHooks()
    with fixed_thread_count(identity[THREADS]):
        hooks.say(oversubscription_note(identity[THREADS]) if resume else None)
        chosen, remark = None, None
        if model == FEATURES:
            device = "cpu"
        else:
            device = choose_device(device)
            if weights is not None and not (folder / RUN).exists():
                # A wrong file is refused before the folder is taken for it.
                new_network(start, len(data.outputs), seed, lambda line: None)
            chosen, remark = choose_store(data.train, store, store_given, hooks.packing)
        _require_images(data, packed=chosen is not None)
        metrics = prepare_folder(folder, identity, resume)
        if metrics is not None:
            return TrainingResult(folder, metrics, None)
        if not start.is_linear_probe:
            hooks.say(remark)
        job = TrainingJob(
            table,
            data,
            start,
            recipe,
            folder,
            name or folder.name,
            seed=seed,
            device=device,
            hooks=hooks,
            resume=resume,
            store=chosen,
            beside=None if store_given else store,
            checkpoint_seconds=checkpoint_seconds,
            checkpoint_steps=checkpoint_steps,
        )
        with explained_interruptions(folder):
            return finish_run(job, _trainer_for(start)(job))


def _trainer_for(start: StartingPoint) -> Callable[[TrainingJob], FittedModel]:
    """What fits a model of this kind; each is imported only where it is used."""
    if start.model == FEATURES:
        from marrowscope.training.feature_baseline import fit_feature_baseline

        return fit_feature_baseline
    if start.is_linear_probe:
        from marrowscope.training.linear_probe.train_probe import fit_linear_probe

        return fit_linear_probe
    from marrowscope.training.networks.train_network import fit_network

    return fit_network


def _require_images(data: TrainingData, packed: bool) -> None:
    """Refuse to start when image files are gone that nothing replaces."""
    needed = data.held_out if packed else pl.concat([data.train, data.held_out])
    paths = needed["path"].to_list()
    gone = [path for path in paths if not Path(path).is_file()]
    if gone:
        raise TableError(
            f"{gone[0]}: no such file ({len(gone)} of {len(paths)} images of the table are "
            "missing; put them back or run 'marrowscope index' again)"
        )
