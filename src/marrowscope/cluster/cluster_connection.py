"""A cluster that was named → a Dask client whose scheduler and workers fit this process."""

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from marrowscope.cluster.cluster_choice import ClusterChoice, local_workers
from marrowscope.errors import InputError
from marrowscope.extras import require_extra

ANSWER_SECONDS = 10.0  # in which a scheduler has to answer
TRIES = 3  # of a task whose workers die, where the scheduler is ours
# What has to be the same everywhere: results and messages depend on it.
SAME_WORKERS = ("python", "dask", "distributed", "marrowscope", "numpy", "polars", "openvino")
SAME_SCHEDULER = ("python", "dask", "distributed")
_LOGGERS = ("distributed", "tornado", "asyncio")


@contextmanager
def connected(choice: ClusterChoice, tasks: int, say: Callable[[str], None]) -> Iterator[Any]:
    """A ``distributed.Client``; workers that were started for it end with it.

    Args:
        choice: which cluster.
        tasks: there are to do.
        say: is told in a line how the work is shared.

    Raises:
        InputError: the extra is missing, nobody answers, or versions differ.
    """
    require_extra("cluster", "`cluster`")
    # Deaths of workers are told by the results; Dask tells each of them in a dozen lines.
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _local(choice, tasks, say) if choice.local else _remote(choice) as client:
        require_same_versions(client.get_versions(packages=list(SAME_WORKERS[3:])))
        _require_resources(choice, client)
        if not choice.local:
            workers = len(client.scheduler_info(n_workers=-1)["workers"])
            say(
                f"{workers} workers at {client.scheduler.address}"
                + ("" if workers else "; waiting for the first one")
            )
        yield client


@contextmanager
def _local(choice: ClusterChoice, tasks: int, say: Callable[[str], None]) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    shares = local_workers(choice, tasks)
    say(
        f"{shares.number} workers on this machine, each with {shares.threads} threads and "
        f"{shares.memory / 1e9:.1f} GB"
    )
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"),
        str(shares.threads),
    )
    # What a worker says as it is ended would go to the terminal of the user.
    quiet = {f"DASK_LOGGING__{name.upper()}": "critical" for name in _LOGGERS}
    settings = {
        "distributed.scheduler.allowed-failures": TRIES - 1,
        "distributed.nanny.pre-spawn-environ": {**threads, **quiet},
        "distributed.deploy.lost-worker-timeout": "5s",
        # A task may start processes of its own.
        "distributed.worker.daemon": False,
        # Nothing of it is kept on the working folder's disk.
        "temporary-directory": os.environ.get("TMPDIR", "/tmp") if os.name == "posix" else None,
    }
    with (
        _without(threads),
        dask.config.set(settings),
        LocalCluster(
            n_workers=shares.number,
            threads_per_worker=1,
            memory_limit=shares.memory,
            resources=dict(choice.resources),
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        # A nanny gives up when its worker dies while it starts; another one takes its place.
        cluster.adapt(minimum=shares.number, maximum=shares.number, interval="2s")
        yield client


@contextmanager
def _without(names: dict[str, str]) -> Iterator[None]:
    """While workers start: Dask prefers the variables of this process to what it is told."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _remote(choice: ClusterChoice) -> Iterator[Any]:
    from distributed import Client

    file = Path(choice.where)
    address = _address_in(file) if file.is_file() else choice.where
    told = address if address == choice.where else f"{address} (from {choice.where})"
    failure = _no_answer(address)
    if failure is not None:
        raise InputError(
            f"`cluster` {told}: no Dask scheduler answers within {ANSWER_SECONDS:g} s ({failure}); "
            "is it still running, and is its port open to this machine?"
        )
    with Client(address, timeout=f"{ANSWER_SECONDS:g}s") as client:
        yield client


def _no_answer(address: str) -> str | None:
    """Why a scheduler does not say who it is; None where it does.

    A thread asks: Dask waits without end for whoever takes a connection and says nothing.
    """
    found: list[str | None] = []
    asking = threading.Thread(target=lambda: found.append(_ask(address)), daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    return found[0] if found else "no answer"


def _ask(address: str) -> str | None:
    from distributed.comm import connect

    async def identity() -> Any:
        comm = await connect(address, timeout=ANSWER_SECONDS)
        await comm.write({"op": "identity", "reply": True})
        answer = await comm.read()
        await comm.close()
        return answer

    try:
        answer = asyncio.run(identity())
    except Exception as error:  # refused, another protocol: whoever is there
        return " ".join(str(error).split())[:160] or type(error).__name__
    known = isinstance(answer, dict) and answer.get("type") == "Scheduler"
    return None if known else "somebody else is there"


def _address_in(path: Path) -> str:
    """The address in the file of a scheduler.

    Raises:
        InputError: it is no such file.
    """
    try:
        address = json.loads(path.read_bytes())["address"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"`cluster` {path}: is not the file of a Dask scheduler ({error})"
        ) from None
    return str(address)


def require_same_versions(versions: dict[str, Any]) -> None:
    """Refuse scheduler and workers with other versions than this process.

    Args:
        versions: of ``Client.get_versions``.

    Raises:
        InputError: one differs; the line names it, both versions, and the worker.
    """
    ours = versions["client"]["packages"]
    others: list[tuple[str, Any, tuple[str, ...]]]
    others = [("the scheduler", versions["scheduler"], SAME_SCHEDULER)]
    others += [(f"worker {name}", one, SAME_WORKERS) for name, one in versions["workers"].items()]
    for who, found, names in others:
        theirs = (found or {}).get("packages", {})
        for name in names:
            if theirs.get(name) != ours.get(name):
                raise InputError(
                    f"`cluster`: {who} has {name} {_version(theirs.get(name))}, this process "
                    f"{_version(ours.get(name))}; start it from the same environment"
                )


def _version(text: str | None) -> str:
    if text is None:
        return "not installed"
    parts = text.split(".")
    return ".".join(parts[:3]) if "final" in parts else text


def _require_resources(choice: ClusterChoice, client: Any) -> None:
    """Refuse tasks that no worker could ever take.

    Raises:
        InputError: no worker has a resource, or one has too little memory.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    for name, amount in choice.resources.items():
        if workers and all(one["resources"].get(name, 0) < amount for one in workers):
            raise InputError(
                f"`per_task={name}={amount:g}`: no worker offers this resource; start workers of "
                f"Dask with resources '{name}={amount:g}'"
            )
    for one in workers:
        limit = one["memory_limit"]
        if choice.memory is not None and not choice.local and 0 < limit < choice.memory:
            raise InputError(
                f"`per_task=memory={choice.memory / 1e9:g}GB`: worker {one['name']} has "
                f"{limit / 1e9:.1f} GB; start workers of Dask with a higher memory limit"
            )
