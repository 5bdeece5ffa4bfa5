"""Does the cost of a fleet grow as its work does? One worker, two, and what 64 would need.

Slides of phantom smears are counted by one and by two local workers. Then tasks that only sleep go
through the same scheduler, for its own cost: tasks per second, and bytes that pass for each slide.
From both follows which resource ends first for 10,000 slides on 64 workers.

    python benchmarks/fleet_scaling.py [--slides 40] [--cells 20] [--tasks 2000]
"""

import argparse
import os
import pickle
import shutil
import tempfile
import time
from pathlib import Path

import marrowscope as ms
from marrowscope.cluster.cluster_choice import parse_cluster
from marrowscope.cluster.cluster_connection import connected
from marrowscope.cluster.cluster_tasks import attempt, run_tasks
from marrowscope.counting.count_smear import CountSettings
from marrowscope.fleet.fleet_table import SlideRow, read_fleet
from marrowscope.fleet.slide_task import SlideTask
from marrowscope.fleet.smear_counter import ReportSettings
from marrowscope.fleet.worker_slides import WorkerSetup, count_on_worker

SLIDES, WORKERS = 10_000, 64


def write_slides(folder: Path, number: int) -> None:
    """Small slides of phantoms, each of its own seed; the same files for every run."""
    folder.mkdir()
    for seed in range(number):
        with tempfile.TemporaryDirectory() as made:
            ms.draw_slide(made, width=6000, height=5000, seed=seed)
            shutil.move(Path(made) / "slide.tif", folder / f"slide-{seed:03d}.tif")


def timed_fleet(archive: Path, output: Path, workers: int, cells: int) -> float:
    """Seconds from the first to the last slide's end, so that the start of processes is left out.

    Of each worker the first slide is left out, too: it loads the model.
    """
    ends: list[float] = []
    ms.count_fleet(
        archive, output=output, cells=cells, min_confidence=0, cluster=f"local:{workers}",
        per_task=["threads=1"], finished=lambda row: ends.append(time.perf_counter()),
    )  # fmt: skip
    states = {row.state for row in read_fleet(output.absolute())}
    assert states == {"done"}, states
    return (ends[-1] - ends[workers - 1]) / (len(ends) - workers)


def nap(number: int) -> int:
    """A task that computes nothing."""
    return number


def task_cost(tasks: int) -> float:
    """Seconds of scheduler and driver for one task."""
    with connected(parse_cluster("local:2", ["threads=1"]), tasks, print) as client:
        list(run_tasks(client, nap, [(n,) for n in range(20)]))
        began = time.perf_counter()
        assert len(list(run_tasks(client, nap, [(n,) for n in range(tasks)]))) == tasks
        return (time.perf_counter() - began) / tasks


def bytes_per_slide(output: Path) -> int:
    """Of the task that goes out and of the row that comes back."""
    model = ms.load_model()
    row = read_fleet(output.absolute())[0]
    setup = WorkerSetup(model.choice, CountSettings(), ReportSettings(), str(output))
    empty = SlideRow(row.slide, row.name)
    task = SlideTask(0, row.slide, empty, str(output / row.name), str(row.identity))
    out = pickle.dumps((attempt, 0, count_on_worker, (setup, task)))
    return len(out) + len(pickle.dumps(row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--slides", type=int, default=40)
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_slides(folder / "in", given.slides)
        one = timed_fleet(folder / "in", folder / "one", 1, given.cells)
        two = timed_fleet(folder / "in", folder / "two", 2, given.cells)
        print(f"{given.slides} slides on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print(f"one worker {one:.2f} s per slide, two {two:.2f} s: efficiency {one / two / 2:.2f}")
        size = bytes_per_slide(folder / "two")
    cost = task_cost(given.tasks)
    print(f"{1 / cost:.0f} tasks/s ({1e3 * cost:.2f} ms each), {size:,} bytes for each slide")
    work, scheduling = SLIDES * one / WORKERS, SLIDES * cost
    print(
        f"{SLIDES:,} slides on {WORKERS} workers: counting {work / 3600:.2f} h, scheduling "
        f"{scheduling:.0f} s in all, {SLIDES * size / 1e6:.0f} MB through the scheduler; it would "
        f"be busy all the time with {one / cost:,.0f} workers"
    )


if __name__ == "__main__":
    main()
