"""The run folder: identity of a run in, whether it may begin or continue out."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.io.folder_guards import is_taken
from marrowscope.training.recipe import Recipe
from marrowscope.training.training_cells import TrainingData

RUN, CELLS, CHECKPOINT = "run.json", "cells.parquet", "last.ckpt"
BUNDLE, PREDICTIONS, LOGS = "bundle", "predictions.parquet", "logs"
THREADS = "threads"  # key of run.json; runs of earlier versions lack it


def run_identity(
    data: TrainingData,
    model: str,
    recipe: Recipe,
    seed: int,
    fold: int | None,
    weights: str | None = None,
) -> dict[str, Any]:
    """What a resume must agree with: model, recipe, seed, fold, cells and labels, start weights."""
    parts = [rows.select("cell_id", "label").rows() for rows in (data.train, data.held_out)]
    text = json.dumps(parts).encode()
    return {
        "model": model,
        "recipe": recipe.to_dict(),
        "seed": seed,
        "fold": fold,
        "cells_sha256": hashlib.sha256(text).hexdigest(),
        "weights_sha256": weights,
    }


def prepare_folder(folder: Path, wanted: dict[str, Any], resume: bool) -> dict[str, Any] | None:
    """Make or check the run folder; returns the metrics of a run that is finished already.

    Raises:
        InputError: it holds something else, another run, or nothing to resume.
    """
    if not (folder / RUN).exists():
        if resume:
            raise InputError(f"{folder}: no run to resume; leave out `resume` to start one")
        if is_taken(folder):
            raise InputError(f"{folder}: is not empty and holds no run; choose another folder")
        write_run(folder, wanted)
        return None
    if not resume:
        raise InputError(
            f"{folder}: holds a run; continue with `resume=True` or choose another folder"
        )
    earlier = read_run(folder)
    if THREADS in wanted and THREADS not in earlier:
        earlier[THREADS] = wanted[THREADS]
        if not earlier.get("finished"):
            write_run(folder, earlier)  # the next resume computes with as many
    for key, value in wanted.items():
        if earlier.get(key) != json.loads(json.dumps(value)):
            what = "number of threads" if key == THREADS else key
            raise InputError(f"{folder}: this run was started with another {what}; nothing resumed")
    if earlier.get("finished"):
        metrics: dict[str, Any] = earlier["metrics"]
        return metrics
    if not (folder / CHECKPOINT).exists():
        shutil.rmtree(folder / LOGS, ignore_errors=True)  # killed before the first checkpoint
    return None


def read_run(folder: Path) -> dict[str, Any]:
    """Content of run.json.

    Raises:
        InputError: it cannot be read.
    """
    try:
        content: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / RUN}: cannot be read ({error})") from None
    return content


def write_run(folder: Path, content: dict[str, Any]) -> None:
    """Replace run.json."""
    with replacing(folder / RUN) as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")


def saved_step(checkpoint: Path | None) -> int:
    """Step at which a checkpoint was made; 0 without one.

    Raises:
        InputError: it cannot be read.
    """
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


@contextmanager
def explained_interruptions(folder: Path) -> Iterator[None]:
    """Say in one line what stopped a training, and how to continue it.

    Raises:
        InputError: the disk is full, or a file went away.
        KeyboardInterrupt: Ctrl-C, which Lightning turns into an exit without a word.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{folder}: {error.strerror or error}; the last checkpoint is kept, "
            "continue with `resume=True`"
        ) from error
    except SystemExit:
        raise KeyboardInterrupt from None
