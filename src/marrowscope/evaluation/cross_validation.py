"""Cells with labels → a training per fold, and every cell predicted by a model new to it.

The study trained five networks on five disjoint stratified folds and gave mean ± standard deviation
per class (its Table 1), and repeated it with 70 % of the images in training as a check of
robustness. The folder holds ``crossval.json`` (what is computed; the same command continues it,
another is refused), ``cells.parquet`` (the table with folds and stain vectors), ``fold-0`` …
(ordinary run folders, or one ``holdout``, or ``without-NAME`` for each laboratory that is left out)
and, when all are finished, ``predictions.parquet``: every labelled cell once, predicted by the
model that has not seen it.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import LABORATORY, SCHEMA, predicted_by, read_cells, usable, write_cells
from marrowscope.cluster.cluster_choice import ClusterChoice
from marrowscope.dataset.splitting import METHOD
from marrowscope.dataset.stain_vectors import with_stains
from marrowscope.errors import InputError
from marrowscope.evaluation.cross_validation_parts import CrossValidationParts, assign_parts
from marrowscope.evaluation.fold_training import (
    CrossValidationPlan,
    FoldJob,
    in_turn,
    is_finished,
    on_workers,
    side_by_side,
)
from marrowscope.io.atomic import replacing
from marrowscope.io.folder_guards import is_taken
from marrowscope.models.architectures import FEATURES
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.run_folder import CELLS, PREDICTIONS, RUN, THREADS
from marrowscope.training.run_setup import StartingPoint, choose_starting_point
from marrowscope.training.thread_count import current_thread_count

FACTS = "crossval.json"


@dataclass(frozen=True)
class CrossValidationResult:
    """A finished cross-validation.

    Attributes:
        predictions: every held-out cell once, in the order of the table; with ``fold``, or
            ``split`` for a hold-out.
        trained: run folders that were trained or went on now; the others were finished before.
        warnings: about the split.
    """

    predictions: pl.DataFrame
    trained: tuple[str, ...]
    warnings: tuple[str, ...]


def cross_validate(
    table: pl.DataFrame,
    plan: CrossValidationPlan,
    folder: Path,
    *,
    jobs: int = 1,
    cluster: ClusterChoice | None = None,
    device: str = "auto",
    store: Path | None = None,
    store_given: bool = False,
    hooks: Callable[[str], TrainingHooks] | None = None,
    finished: Callable[[str, int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> CrossValidationResult:
    """Train every part that is not finished, and pool the held-out predictions.

    Args:
        table: with ``label``; an earlier ``split`` or ``fold`` in it is not used.
        plan: what to train.
        folder: new, empty, or an earlier call's, which then continues: finished folds stay, a
            killed one resumes at its last checkpoint.
        jobs: parts at the same time; processor threads are divided among them. Later calls compute
            with as many threads as the first one, whatever their ``jobs``: the bits depend on it.
        cluster: train the parts on its workers, one task each; ``threads`` of it takes the place of
            this machine's share.
        device, store, store_given: see ``training.train.train``.
        hooks: progress of one part, by its name; used when ``jobs`` is 1.
        finished: called as ``finished(name, done, parts)``.
        say: is told in a line which workers a cluster has.

    Raises:
        InputError: see ``assign_folds``; or the folder holds something else.
    """
    if jobs < 1:
        raise InputError(f"`jobs` is {jobs}; at least 1 is needed")
    parted = assign_parts(table, plan)
    facts = _facts(plan, parted)
    _check_folder(folder, plan, facts)
    apart = jobs > 1 or cluster is not None
    stated = None if cluster is None else cluster.threads
    threads = _threads(folder, min(jobs, len(parted.parts)), stated)
    _write_facts(folder, {**facts, THREADS: threads})
    cells = folder / CELLS
    prepared = _prepared(parted.table, cells, hooks("stain vectors") if hooks else None)
    made = store_given or store is None or store.exists() or plan.model == FEATURES
    if apart and not made:
        store = None  # several processes would make it at once; features are kept beside its place
    parts = [
        FoldJob(
            part.name,
            _shared(folder / part.name, cluster),
            _shared(cells, cluster),
            plan,
            part.number,
            device,
            None if store is None else _shared(store, cluster),
            store_given,
            f"{folder.name}-{part.name}",
            threads,
            part.laboratory,
        )
        for part in parted.parts
    ]
    open_parts = [part for part in parts if not is_finished(part.folder)]
    done = len(parts) - len(open_parts)
    if cluster is not None:
        results = on_workers(open_parts, cluster, say or (lambda line: None))
    else:
        results = side_by_side(open_parts, jobs) if apart else in_turn(open_parts, hooks)
    for name in results:
        done += 1
        if finished is not None:
            finished(name, done, len(parts))
    files = [part.folder / PREDICTIONS for part in parts]
    judged = prepared if plan.leave_out is None else parted.judged
    pooled = pool_predictions(files, judged)
    write_cells(pooled, folder / PREDICTIONS, predicted_by(parts[0].folder / PREDICTIONS))
    return CrossValidationResult(pooled, tuple(part.name for part in open_parts), parted.warnings)


def pool_predictions(files: list[Path], table: pl.DataFrame) -> pl.DataFrame:
    """Held-out predictions of all parts below each other, in the order of the table.

    Raises:
        InputError: a cell is predicted twice, or by another part than its own, or not at all.
    """
    rows = pl.concat([read_cells(path, needs=["predicted"]) for path in files], how="diagonal")
    column = "fold" if "fold" in table.columns else "split"
    if "fold" not in rows.columns and column == "fold":  # of a laboratory that was left out
        rows = rows.drop("split").join(table.select("cell_id", "fold"), on="cell_id", how="left")
        rows = rows.with_columns(pl.lit("each laboratory left out").alias(METHOD))
    wanted = usable(table).filter(pl.col("label").is_not_null())
    wanted = wanted.filter(pl.col(column) != "train") if column == "split" else wanted
    order = wanted.select("cell_id").with_row_index("_place")
    pooled = rows.join(order, on="cell_id", how="inner", maintain_order="left").sort("_place")
    if pooled.height != wanted.height or pooled["cell_id"].n_unique() != wanted.height:
        raise InputError(
            f"{files[0].parent.parent}: {rows.height} predictions for {wanted.height} held-out "
            "cells; a run folder was changed, delete it and start again"
        )
    return pooled.drop("_place")


def _prepared(table: pl.DataFrame, cells: Path, hooks: TrainingHooks | None) -> pl.DataFrame:
    """The table with stain vectors, computed once for all parts and kept in ``cells``."""
    if cells.exists():
        earlier = read_cells(cells, needs=["stain"])
        known = dict(zip(earlier["cell_id"], earlier["stain"], strict=True))
        stains = [known.get(cell) for cell in table["cell_id"]]
        # Only the vectors: images may lie elsewhere by now.
        table = table.with_columns(pl.Series("stain", stains, dtype=SCHEMA["stain"]))
    table = with_stains(table, hooks.stains if hooks else None)
    write_cells(table, cells)
    return table


def _facts(plan: CrossValidationPlan, parted: CrossValidationParts) -> dict[str, Any]:
    """What a later call must agree with."""
    column = "split" if plan.holdout is not None else "fold"
    if plan.leave_out is not None:
        column = LABORATORY
    rows = parted.table.select("cell_id", "label", column).sort("cell_id").rows()
    # Only where one is left out, so that folders of earlier versions go on.
    left_out = {
        "leave_out": plan.leave_out,
        "laboratories": [part.laboratory for part in parted.parts],
    }
    return {
        **({} if plan.leave_out is None else left_out),
        "model": plan.model,
        "recipe": plan.recipe.to_dict(),
        "folds": None if plan.holdout is not None or plan.leave_out is not None else plan.folds,
        "holdout": plan.holdout,
        "seed": plan.seed,
        "cells_sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
        **choose_starting_point(plan.model, plan.weights, plan.head).identity(),
    }


def _check_folder(folder: Path, plan: CrossValidationPlan, facts: dict[str, Any]) -> None:
    path = folder / FACTS
    if not path.exists():
        if is_taken(folder):
            raise InputError(
                f"{folder}: is not empty and holds no cross-validation; choose another folder"
            )
        return
    try:
        newer = (*StartingPoint("").identity(), "leave_out", "laboratories")
        earlier = dict.fromkeys(newer) | json.loads(path.read_text("utf-8"))
        differing = [key for key in facts if earlier[key] != json.loads(json.dumps(facts[key]))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if not differing:
        return
    if any((entry / RUN).exists() for entry in folder.iterdir()):
        raise InputError(
            f"{folder}: holds a cross-validation with another {differing[0]}; choose another folder"
        )
    (folder / CELLS).unlink(missing_ok=True)  # nothing was trained yet


def _shared(path: Path, cluster: ClusterChoice | None) -> Path:
    """A path as a worker with another working folder finds it."""
    return path if cluster is None else path.absolute()


def _threads(folder: Path, jobs: int, stated: int | None) -> int:
    """Threads of each part: those of the first call; ``crossval.json`` records them."""
    if (folder / FACTS).exists():
        recorded = json.loads((folder / FACTS).read_text("utf-8")).get(THREADS)
        if recorded is not None:
            return int(recorded)
    if stated is not None:
        return stated
    return current_thread_count() if jobs == 1 else max(1, (os.cpu_count() or 1) // jobs)


def _write_facts(folder: Path, facts: dict[str, Any]) -> None:
    with replacing(folder / FACTS) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
