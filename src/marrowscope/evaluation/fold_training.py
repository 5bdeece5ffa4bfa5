"""What a cross-validation trains: its plan, and the trainings, one by one or side by side."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from marrowscope.cells import read_cells
from marrowscope.cluster.cluster_choice import ClusterChoice
from marrowscope.cluster.cluster_connection import connected
from marrowscope.cluster.cluster_tasks import run_tasks, take_threads
from marrowscope.dataset.laboratory_split import leave_out_laboratory
from marrowscope.errors import InputError
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_folder import RUN, read_run
from marrowscope.training.train import train


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
        leave_out: ``laboratory``: each is held out in turn, instead of folds.
    """

    model: str
    recipe: Recipe
    folds: int = 5
    holdout: float | None = None
    seed: int = 0
    weights: Path | None = None
    head: str | None = None
    leave_out: str | None = None


@dataclass(frozen=True)
class FoldJob:
    """One training of the cross-validation; plain data, so that another process can do it."""

    name: str
    folder: Path
    table: Path
    plan: CrossValidationPlan
    number: int | None  # the fold or laboratory; None for a hold-out
    device: str
    store: Path | None
    store_given: bool
    title: str  # of the model in its card
    threads: int  # of a new run; one that continues keeps its own
    laboratory: str | None = None  # that is held out; None for folds and a hold-out


def train_fold(part: FoldJob, hooks: TrainingHooks | None = None) -> str:
    """Train one fold, or continue it; returns its name."""
    resume = (part.folder / RUN).exists()
    table, fold = read_cells(part.table), part.number
    if part.laboratory is not None:
        table, fold = leave_out_laboratory(table, part.laboratory).table, None
    train(
        table,
        part.plan.model,
        part.plan.recipe,
        part.folder,
        name=part.title,
        seed=part.plan.seed + (part.number or 0),
        fold=fold,
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


def is_finished(folder: Path) -> bool:
    """Whether a run folder holds a training that came to its end."""
    return (folder / RUN).exists() and bool(read_run(folder).get("finished"))


def in_turn(parts: list[FoldJob], hooks: Callable[[str], TrainingHooks] | None) -> Iterator[str]:
    """Names as they finish, one after the other."""
    for part in parts:
        yield train_fold(part, hooks(part.name) if hooks else None)


def side_by_side(parts: list[FoldJob], jobs: int) -> Iterator[str]:
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


def on_workers(
    parts: list[FoldJob], cluster: ClusterChoice, say: Callable[[str], None]
) -> Iterator[str]:
    """Names as they finish, from workers of a cluster; each takes one training at a time.

    A training whose worker died goes on from its last checkpoint on another one.

    Raises:
        InputError: as ``connected``; or a training failed, the others having come to their end.
    """
    if not parts:
        return
    failures = []
    with connected(cluster, len(parts), say) as client:
        items = [(part,) for part in parts]
        for result in run_tasks(client, train_fold_on_worker, items, cluster.resources):
            if result.value is not None:
                yield result.value
            else:
                failures.append(f"{parts[result.place].folder}: {result.reason}")
    if failures:
        raise InputError(f"{failures[0]}; the same command continues")


def train_fold_on_worker(part: FoldJob) -> str:
    """On a worker: as ``train_fold``, of a table that lies where all machines see it.

    Raises:
        InputError: the worker does not see it; or as ``train``.
    """
    if not part.table.exists():
        raise InputError(
            f"{part.table}: a worker does not see this table; name an output on storage that all "
            "machines of the cluster share"
        )
    take_threads(part.threads)
    return train_fold(part)
