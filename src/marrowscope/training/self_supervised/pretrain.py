"""Images without labels → a run folder with weights that ``train`` starts from.

The run folder holds ``run.json`` (what is trained, checked by a resume), ``cells.parquet`` (the
images with stain vectors), ``last.ckpt`` while it runs, ``logs/``, and at the end
``weights.safetensors``.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from marrowscope._about import __version__
from marrowscope.cells import read_cells, usable, write_cells
from marrowscope.dataset.splitting import TRAIN
from marrowscope.dataset.stain_vectors import stain_array, with_stains
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.models import create
from marrowscope.models.start_weights import HEAD
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.networks.batch_stream import TrainingBatches, training_schedule
from marrowscope.training.networks.memory import keep_freed_memory, within_gpu_memory
from marrowscope.training.networks.throughput import StepClock
from marrowscope.training.networks.trainer import make_trainer
from marrowscope.training.pixel_source import PixelSource, choose_store
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import (
    CELLS,
    CHECKPOINT,
    THREADS,
    explained_interruptions,
    prepare_folder,
    read_run,
    saved_step,
    write_run,
)
from marrowscope.training.self_supervised.vicreg import ExpandedNetwork, PretrainingModule
from marrowscope.training.thread_count import (
    fixed_thread_count,
    oversubscription_note,
    run_thread_count,
)
from marrowscope.training.training_cells import TrainingData, laboratory_indices
from marrowscope.training.training_job import CHECKPOINT_SECONDS

WEIGHTS = "weights.safetensors"
METHOD = "VICReg"
MIN_IMAGES = 32
NEIGHBOURS = 15


@dataclass(frozen=True)
class PretrainingResult:
    """A finished run.

    Attributes:
        weights: the file to start a training from.
        images: learned from.
        spread: mean standard deviation of the features over the images; 0 says that the network
            gives all images the same features.
        purity: share of the nearest neighbours with the same label, of random weights and of the
            learned ones; None where there are no labels. Labels are only looked at here.
    """

    weights: Path
    images: int
    spread: float
    purity: tuple[float, float] | None


def pretrain(
    table: pl.DataFrame,
    model: str,
    recipe: Recipe,
    folder: Path,
    *,
    seed: int = 0,
    resume: bool = False,
    device: str = "cpu",
    hooks: TrainingHooks | None = None,
    store: Path | None = None,
    store_given: bool = False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    checkpoint_steps: int | None = None,
    threads: int | None = None,
) -> PretrainingResult:
    """Learn and write the run folder; a killed run continues with ``resume``, bit for bit on a CPU.

    Args:
        table: cells; with a ``split`` only those of ``train``, so that what is held out takes no
            part. Labels are not used.
        model: name for ``models.create``.
        recipe: see ``training.recipe``; classes, smoothing and mixing have no meaning here.
        folder: the run folder.
        seed: of initialization, order and views.
        resume: continue the run in ``folder``.
        device: ``cpu`` or ``cuda``.
        hooks: progress.
        store, store_given: as for ``training.train.train``.
        checkpoint_seconds, checkpoint_steps: how often to save.
        threads: to compute with on the CPU; as for ``train``.

    Raises:
        InputError: fewer than 32 images, an image that cannot be read, a folder of something else.
    """
    hooks = hooks or TrainingHooks()
    rows = training_rows(table)
    if rows.height < MIN_IMAGES:
        raise InputError(
            f"{rows.height} images to learn from; pretraining needs {MIN_IMAGES} at least"
        )
    count = run_thread_count(folder, threads, resume)
    with fixed_thread_count(count):
        hooks.say(oversubscription_note(count) if resume else None)
        first = _expanded(model, seed)
        wanted = {**_identity(rows, model, recipe, seed), THREADS: count}
        finished = prepare_folder(folder, wanted, resume)
        if finished is not None:
            return PretrainingResult(
                folder / WEIGHTS, rows.height, finished["spread"], _pair(finished)
            )
        cells = folder / CELLS
        stained = read_cells(cells, needs=["stain"]) if cells.exists() else None
        if stained is None:
            stained = with_stains(rows, hooks.stains)
            write_cells(stained, cells)
        chosen, remark = choose_store(rows, store, store_given, hooks.packing)
        hooks.say(remark)
        keep_freed_memory()
        pixels = PixelSource(rows, hooks.decoding, chosen, device)
        if device == "cuda":
            reason = pixels.move_to_gpu()
            hooks.say(reason and f"pixels stay in {pixels.where}: {reason}")
        before = _features(first.network, pixels, device)
        # One class of everything: an epoch is every image once, or as often as the recipe wants.
        everything = np.zeros(rows.height, dtype=np.int64)
        plan = training_schedule(
            everything, recipe.target_per_class, recipe.epochs, recipe.batch_size
        )
        checkpoint, stains = folder / CHECKPOINT, stain_array(stained)
        nothing = TrainingData(rows, rows.clear(), (), (), {}, {})

        def fit(resuming: bool) -> PretrainingModule:
            module = PretrainingModule(_expanded(model, seed), recipe, plan.steps, seed)
            start_from = checkpoint if resuming and checkpoint.exists() else None
            trainer = make_trainer(
                folder,
                device,
                recipe,
                plan,
                nothing,
                hooks,
                checkpoint,
                saved_step(start_from),
                checkpoint_seconds,
                checkpoint_steps,
                StepClock(),
            )
            batches = TrainingBatches(
                pixels,
                stains,
                everything,
                plan,
                recipe.target_per_class,
                seed,
                start=lambda: int(trainer.global_step),
                laboratories=laboratory_indices(rows),
                stain_transfer=recipe.augmentation.stain_transfer,
            )
            trainer.fit(module, batches, ckpt_path=start_from, weights_only=True)
            if trainer.global_step < plan.steps:
                raise InputError(
                    f"{folder}: stopped at step {trainer.global_step}; continue with `resume=True`"
                )
            return module

        with explained_interruptions(folder):
            module = within_gpu_memory(fit, pixels, folder, recipe.batch_size, resume, hooks.say)
        learned = module.result.network.to(device)
        return _finish(folder, rows, learned, before, _features(learned, pixels, device), wanted)


def _expanded(model: str, seed: int) -> ExpandedNetwork:
    """The network and its expander as pretraining begins."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = create(model, 2)
        features = int(network.head.in_features)  # type: ignore[union-attr, arg-type]
        expanded = ExpandedNetwork(network, features)
    expanded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return expanded


def training_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Usable images; those of ``train`` where the table has a split."""
    rows = usable(table)
    return rows.filter(pl.col("split") == TRAIN) if "split" in rows.columns else rows


def _identity(rows: pl.DataFrame, model: str, recipe: Recipe, seed: int) -> dict[str, Any]:
    content = "\n".join(rows["cell_id"]).encode()
    return {
        "method": METHOD,
        "model": model,
        "recipe": recipe.to_dict(),
        "seed": seed,
        "cells_sha256": hashlib.sha256(content).hexdigest(),
    }


def _pair(finished: dict[str, Any]) -> tuple[float, float] | None:
    pair = finished["purity"]
    return None if pair is None else (pair[0], pair[1])


@torch.no_grad()
def _features(network: Any, pixels: PixelSource, device: str) -> NDArray[np.float32]:
    """(N, F) features of all images as they are."""
    network.to(device).eval()
    found = []
    for rows in np.array_split(np.arange(len(pixels)), -(-len(pixels) // 64)):
        images, places = pixels.batch(rows)
        images = (images if places is None else images[places]).to(device)
        found.append(network.features(images.permute(0, 3, 1, 2).float() / 255).float().cpu())
    network.train()
    return np.asarray(torch.cat(found).numpy(), dtype=np.float32)


def _finish(
    folder: Path,
    rows: pl.DataFrame,
    network: Any,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    wanted: dict[str, Any],
) -> PretrainingResult:
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith(HEAD)
    }
    facts = {
        "method": METHOD,
        "model": wanted["model"],
        "images": rows.height,
        "cells_sha256": wanted["cells_sha256"],
        "seed": wanted["seed"],
        "recipe": wanted["recipe"],
        "version": __version__,
    }
    with replacing(folder / WEIGHTS) as temporary:
        # One entry: the library writes several in an order that changes from run to run.
        temporary.write_bytes(save(tensors, metadata={"marrowscope": json.dumps(facts)}))
    pair = None
    if "label" in rows.columns and rows["label"].drop_nulls().n_unique() > 1:
        labels = rows["label"].fill_null("").to_numpy()
        pair = (neighbour_purity(before, labels), neighbour_purity(after, labels))
    spread = float(after.std(axis=0).mean())
    write_run(
        folder,
        {**read_run(folder), "finished": True, "metrics": {"spread": spread, "purity": pair}},
    )
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return PretrainingResult(folder / WEIGHTS, rows.height, spread, pair)


def neighbour_purity(features: NDArray[np.float32], labels: NDArray[Any]) -> float:
    """Share of the nearest neighbours (cosine) of all labelled rows that have the row's label."""
    from sklearn.neighbors import NearestNeighbors

    there = labels != ""
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-6)
    own, known = scaled[there], labels[there]
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(own) - 1), metric="cosine").fit(own)
    places = near.kneighbors(return_distance=False)  # without the row itself
    return float((known[places] == known[:, None]).mean())
