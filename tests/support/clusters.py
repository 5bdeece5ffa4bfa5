"""A small cluster for tests, and tasks that do harm."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve()


@contextmanager
def two_workers() -> Iterator[str]:
    """The address of a scheduler with two workers of one thread, whose nannies replace them."""
    import dask
    from distributed import LocalCluster

    paths = [HERE.parents[1], HERE.parents[2] / "src"]
    settings = {
        "distributed.scheduler.allowed-failures": 2,
        "distributed.deploy.lost-worker-timeout": "2s",
        "distributed.worker.preload": [str(HERE.with_name("worker_preload.py"))],
        "distributed.nanny.pre-spawn-environ": {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
        },
    }
    before = os.environ.pop("PYTHONPATH", None)  # Dask would prefer it
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=None, dashboard_address=None,
            silence_logs=logging.CRITICAL, resources={"seat": 1},
        ) as cluster,
    ):  # fmt: skip
        if before is not None:
            os.environ["PYTHONPATH"] = before
        cluster.adapt(minimum=2, maximum=2, interval="1s")
        yield str(cluster.scheduler_address)


def square(number: int) -> int:
    return number * number


def square_or_die(number: int, deadly: int) -> int:
    """As a C library that crashes: the process is gone without a word."""
    if number == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def mistaken(number: int) -> int:
    raise IndexError(f"{number}\nis too much")
