"""Cells with labels → a training per fold, and every cell predicted by a model new to it.

The study trained five networks on five disjoint stratified folds and gave mean ± standard deviation
per class (its Table 1), and repeated it with 70 % of the images in training as a check of
robustness. The folder holds ``crossval.json`` (what is computed; the same command continues it,
another is refused), ``cells.parquet`` (the table with folds and stain vectors), ``fold-0`` …
(ordinary run folders, or one ``holdout``) and, when all are finished, ``predictions.parquet``:
every labelled cell once, predicted by the model that has not seen it.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import SCHEMA, predicted_by, read_cells, usable, write_cells
from marrowscope.dataset.splitting import TRAIN, Split, folds, hold_out
from marrowscope.dataset.stain_vectors import with_stains
from marrowscope.errors import InputError, TableError
from marrowscope.io.atomic import replacing
from marrowscope.io.folder_guards import is_taken
from marrowscope.models.architectures import FEATURES
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import CELLS, PREDICTIONS, RUN, THREADS, read_run
from marrowscope.training.run_setup import StartingPoint, choose_starting_point
from marrowscope.training.thread_count import current_thread_count
from marrowscope.training.train import train

FACTS = "crossval.json"
HOLD_OUT = "holdout"


@dataclass(frozen=True)
class CrossValidationPlan:
    """What to train, and on which parts.

    Attributes:
        model: name for ``training.train.train``.
        recipe: of every part.
        folds: how many; 1 for a hold-out.
        holdout: share held out instead of folds; None for folds.
        seed: of the folds and, plus the number of the fold, of each training.
        weights, head: as for ``train``; the weights must not have seen these cells.
    """

    model: str
    recipe: Recipe
    folds: int = 5
    holdout: float | None = None
    seed: int = 0
    weights: Path | None = None
    head: str | None = None

    def names(self) -> tuple[str, ...]:
        """Run folders, in order."""
        if self.holdout is not None:
            return (HOLD_OUT,)
        return tuple(f"fold-{number}" for number in range(self.folds))


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


@dataclass(frozen=True)
class FoldJob:
    """One training of the cross-validation; plain data, so that another process can do it."""

    name: str
    folder: Path
    table: Path
    plan: CrossValidationPlan
    number: int | None  # the fold; None for a hold-out
    device: str
    store: Path | None
    store_given: bool
    title: str  # of the model in its card
    threads: int  # of a new run; one that continues keeps its own


def assign_folds(table: pl.DataFrame, plan: CrossValidationPlan) -> Split:
    """Give every labelled cell its fold, or its side of the hold-out.

    The same cells and seed give the same parts, whatever the order of rows and the model.

    Raises:
        InputError: no labels, one class only, fewer than 2 folds, or a class (or, in a table with
            patients, a class of one patient) that some part would leave without a training image.
    """
    split = (
        folds(table, plan.folds, plan.seed)
        if plan.holdout is None
        else hold_out(table, plan.holdout, plan.seed)
    )
    rows = usable(split.table).filter(pl.col("label").is_not_null())
    if rows["label"].n_unique() < 2:
        raise TableError(
            f"the table has only class {rows['label'][0]}; a classifier needs at least two"
        )
    if plan.holdout is None and rows["fold"].n_unique() < plan.folds:
        raise InputError(
            f"`folds` {plan.folds}: the {rows.height} labelled cells fill only "
            f"{rows['fold'].n_unique()} folds; take fewer"
        )
    if plan.holdout is None:
        alone = rows.group_by("label").agg(pl.col("fold").n_unique(), pl.len()).sort("label")
        for label, parts, images in alone.rows():
            if parts < 2:
                raise TableError(
                    f"class {label} ({images} images) lies in one fold only, so the model that "
                    "predicts them would never have seen it; leave the class out or add images"
                )
    if plan.model == FEATURES:
        _require_two(rows, plan)
    return split


def _require_two(rows: pl.DataFrame, plan: CrossValidationPlan) -> None:
    """The feature model needs two training cells of every class, in every part."""
    whole = rows.group_by("label").len().sort("label")
    own = (
        rows.group_by("label", "fold").len()
        if plan.holdout is None
        else rows.filter(pl.col("split") != TRAIN).group_by("label").len()
    )
    most = own.group_by("label").agg(held_out=pl.col("len").max())
    left = whole.join(most, on="label", how="left").with_columns(
        left=pl.col("len") - pl.col("held_out").fill_null(0)
    )
    for label, images, remain in left.select("label", "len", "left").rows():
        if remain < 2:
            raise TableError(
                f"class {label} ({images} images) would have {remain} training image in some fold; "
                "the feature model needs 2 of each class: one to learn from and one to check with"
            )


def cross_validate(
    table: pl.DataFrame,
    plan: CrossValidationPlan,
    folder: Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    store: Path | None = None,
    store_given: bool = False,
    hooks: Callable[[str], TrainingHooks] | None = None,
    finished: Callable[[str, int, int], None] | None = None,
) -> CrossValidationResult:
    """Train every part that is not finished, and pool the held-out predictions.

    Args:
        table: with ``label``; an earlier ``split`` or ``fold`` in it is not used.
        plan: what to train.
        folder: new, empty, or an earlier call's, which then continues: finished folds stay, a
            killed one resumes at its last checkpoint.
        jobs: parts at the same time; processor threads are divided among them. Later calls compute
            with as many threads as the first one, whatever their ``jobs``: the bits depend on it.
        device, store, store_given: see ``training.train.train``.
        hooks: progress of one part, by its name; used when ``jobs`` is 1.
        finished: called as ``finished(name, done, parts)``.

    Raises:
        InputError: see ``assign_folds``; or the folder holds something else.
    """
    if jobs < 1:
        raise InputError(f"`jobs` is {jobs}; at least 1 is needed")
    split = assign_folds(table, plan)
    facts = _facts(plan, split)
    _check_folder(folder, plan, facts)
    threads = _threads(folder, min(jobs, len(plan.names())))
    _write_facts(folder, {**facts, THREADS: threads})
    cells = folder / CELLS
    split_table = _prepared(split.table, cells, hooks("stain vectors") if hooks else None)
    made = store_given or store is None or store.exists() or plan.model == FEATURES
    if jobs > 1 and not made:
        store = None  # several processes would make it at once; features are kept beside its place
    parts = [
        FoldJob(
            name,
            folder / name,
            cells,
            plan,
            None if plan.holdout is not None else number,
            device,
            store,
            store_given,
            f"{folder.name}-{name}",
            threads,
        )
        for number, name in enumerate(plan.names())
    ]
    open_parts = [part for part in parts if not _is_finished(part.folder)]
    done = len(parts) - len(open_parts)
    results = _in_turn(open_parts, hooks) if jobs == 1 else _side_by_side(open_parts, jobs)
    for name in results:
        done += 1
        if finished is not None:
            finished(name, done, len(parts))
    pooled = pool_predictions([part.folder / PREDICTIONS for part in parts], split_table)
    write_cells(pooled, folder / PREDICTIONS, predicted_by(parts[0].folder / PREDICTIONS))
    return CrossValidationResult(pooled, tuple(part.name for part in open_parts), split.warnings)


def train_fold(part: FoldJob, hooks: TrainingHooks | None = None) -> str:
    """Train one fold, or continue it; returns its name."""
    resume = (part.folder / RUN).exists()
    train(
        read_cells(part.table),
        part.plan.model,
        part.plan.recipe,
        part.folder,
        name=part.title,
        seed=part.plan.seed + (part.number or 0),
        fold=part.number,
        resume=resume,
        device=part.device,
        hooks=hooks,
        store=part.store,
        store_given=part.store_given,
        weights=part.plan.weights,
        head=part.plan.head,
        threads=None if resume else part.threads,
    )
    return part.name


def pool_predictions(files: list[Path], table: pl.DataFrame) -> pl.DataFrame:
    """Held-out predictions of all parts below each other, in the order of the table.

    Raises:
        InputError: a cell is predicted twice, or by another part than its own, or not at all.
    """
    rows = pl.concat([read_cells(path, needs=["predicted"]) for path in files], how="diagonal")
    column = "fold" if "fold" in table.columns else "split"
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


def _facts(plan: CrossValidationPlan, split: Split) -> dict[str, Any]:
    """What a later call must agree with."""
    column = "split" if plan.holdout is not None else "fold"
    rows = split.table.select("cell_id", "label", column).sort("cell_id").rows()
    return {
        "model": plan.model,
        "recipe": plan.recipe.to_dict(),
        "folds": None if plan.holdout is not None else plan.folds,
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
        earlier = dict.fromkeys(StartingPoint("").identity()) | json.loads(path.read_text("utf-8"))
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


def _threads(folder: Path, jobs: int) -> int:
    """Threads of each part: those of the first call; ``crossval.json`` records them."""
    if (folder / FACTS).exists():
        recorded = json.loads((folder / FACTS).read_text("utf-8")).get(THREADS)
        if recorded is not None:
            return int(recorded)
    return current_thread_count() if jobs == 1 else max(1, (os.cpu_count() or 1) // jobs)


def _write_facts(folder: Path, facts: dict[str, Any]) -> None:
    with replacing(folder / FACTS) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _is_finished(folder: Path) -> bool:
    return (folder / RUN).exists() and bool(read_run(folder).get("finished"))


def _in_turn(parts: list[FoldJob], hooks: Callable[[str], TrainingHooks] | None) -> Any:
    for part in parts:
        yield train_fold(part, hooks(part.name) if hooks else None)


def _side_by_side(parts: list[FoldJob], jobs: int) -> Any:
    """Names as they finish, from processes that share the processor evenly."""
    # joblib ships no type information.
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    jobs = min(jobs, len(parts)) or 1
    # Each training sets its own number; this is for what a process computes around it.
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with parallel_config(backend="loky", inner_max_num_threads=threads):
        work = Parallel(n_jobs=jobs, return_as="generator_unordered")
        try:
            yield from work(delayed(train_fold)(part) for part in parts)
        except BrokenProcessPool as error:
            raise InputError(
                f"{parts[0].folder.parent}: a process was ended from outside, as happens when "
                "memory is short; the same command continues, with fewer `jobs` if need be"
            ) from error
