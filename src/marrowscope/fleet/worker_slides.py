"""The slides of a fleet as tasks of a cluster: what a worker does, and what comes of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marrowscope.cluster.cluster_choice import ClusterChoice
from marrowscope.cluster.cluster_connection import connected
from marrowscope.cluster.cluster_tasks import TaskResult, attempt, run_tasks, take_threads
from marrowscope.counting.count_smear import CountSettings
from marrowscope.errors import InputError
from marrowscope.fleet.fleet_table import FAILED, TABLE, SlideRow
from marrowscope.fleet.slide_task import SlideTask, count_slide, this_process
from marrowscope.fleet.smear_counter import ReportSettings, SmearCounter
from marrowscope.inference.model_choice import ModelChoice, loaded_model


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker needs beside a slide; plain data.

    Attributes:
        model: to load.
        settings, reports: of the counts.
        folder: of the fleet; absolute.
        threads: that a count computes with; None: what the worker says.
    """

    model: ModelChoice
    settings: CountSettings
    reports: ReportSettings
    folder: str
    threads: int | None = None


def require_setup(setup: WorkerSetup) -> None:
    """On a worker: find out whether slides can be counted there.

    Raises:
        InputError: the folder of the fleet is not seen, or the model cannot be loaded.
    """
    table = Path(setup.folder) / TABLE
    if not table.exists():
        raise InputError(
            f"{setup.folder}: worker {this_process()} does not see this folder; name an output on "
            "storage that all machines of the cluster share"
        )
    _counter(setup)


def count_on_worker(setup: WorkerSetup, task: SlideTask) -> SlideRow:
    """On a worker: count a slide; a worker that cannot says so in the row."""
    try:
        require_setup(setup)
        counter = _counter(setup)
    except InputError as error:
        row = replace(task.row, worker=this_process(), identity=task.identity)
        return row.ended(FAILED, str(error))
    return count_slide(task, counter)


def _counter(setup: WorkerSetup) -> SmearCounter:
    threads = take_threads(setup.threads)
    model = loaded_model(setup.model)
    settings = replace(setup.settings, workers=threads)
    return SmearCounter(
        model.engine, model.bundle.card, model.engine_remark, settings, setup.reports
    )


def on_cluster(
    tasks: Sequence[SlideTask],
    setup: WorkerSetup,
    choice: ClusterChoice,
    say: Callable[[str], None],
) -> Iterator[tuple[int, SlideRow]]:
    """Count slides on a cluster, as ``in_turn`` does here.

    Yields:
        Place and row of every slide, as it comes to its end.

    Raises:
        InputError: as ``connected``; a worker cannot count at all; or the scheduler is gone.
    """
    if not tasks:
        return
    with connected(choice, len(tasks), say) as client:
        _try_workers(client, setup)
        items = [(setup, replace(task, row=_begun(task.row))) for task in tasks]
        for result in run_tasks(client, count_on_worker, items, choice.resources):
            task = tasks[result.place]
            yield task.place, _row(task, result)


def _try_workers(client: Any, setup: WorkerSetup) -> None:
    """Load the model on every worker that is there, before a slide is handed out."""
    tried = [
        client.submit(attempt, 0, require_setup, (setup,), workers=[worker], pure=False)
        for worker in client.nthreads()
    ]
    for future in tried:
        reason = future.result().reason
        if reason is not None:
            raise InputError(reason)


def _begun(row: SlideRow) -> SlideRow:
    return replace(row, tries=1)


def _row(task: SlideTask, result: TaskResult[SlideRow]) -> SlideRow:
    if result.value is not None:
        return result.value
    row = replace(task.row, tries=max(1, result.deaths), identity=task.identity)
    return row.ended(FAILED, f"{row.slide}: {result.reason}")
