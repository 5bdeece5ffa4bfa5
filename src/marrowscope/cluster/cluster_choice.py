"""What a user says of a cluster → where it is, and what every task is promised."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from marrowscope.errors import InputError

LOCAL = "local"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_LEAST_MEMORY = 2_000_000_000  # bytes that a worker of this machine has; a count takes 1.2 GB
_ADDRESS = re.compile(r"(?:(?:tcp|tls|ws|wss|ucx)://)?[^\s/:]+:\d+|(?:tcp|tls)://\[[^\s/]+\]:\d+")


@dataclass(frozen=True)
class ClusterChoice:
    """A cluster, and what its tasks get.

    Attributes:
        where: ``local``, ``local:N`` (workers of this machine), the address of a scheduler, or the
            JSON file that a scheduler wrote.
        threads: that a task computes with; None: an even share of this machine, or as many as
            OMP_NUM_THREADS says where a worker runs.
        memory: bytes that a worker must have; None: an even share of this machine, or any.
        resources: of Dask, which each task takes as long as it runs, such as ``GPU``.
    """

    where: str
    threads: int | None = None
    memory: int | None = None
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def local(self) -> bool:
        """Whether the workers are processes that are started for this one call."""
        return self.where.partition(":")[0] == LOCAL


@dataclass(frozen=True)
class LocalWorkers:
    """Processes of this machine: how many, with how many threads and bytes each."""

    number: int
    threads: int
    memory: int


def parse_cluster(where: str, per_task: Iterable[str] = ()) -> ClusterChoice:
    """Read what was said.

    Args:
        where: as ``ClusterChoice.where``.
        per_task: ``threads=N``, ``memory=8GB``, or a resource of Dask, such as ``GPU=1``.

    Raises:
        InputError: neither of these, or a file that does not exist.
    """
    threads, memory, resources = None, None, {}
    for text in per_task:
        name, mark, value = text.partition("=")
        if not mark or not name or not value:
            raise InputError(f"`per_task` {text}: expected threads=N, memory=8GB or NAME=NUMBER")
        if name == "threads":
            threads = int(value) if value.isdecimal() else 0
            if threads < 1:
                raise InputError(f"`per_task` {text}: expected a number of threads, 1 or more")
        elif name == "memory":
            memory = _bytes(text, value)
        else:
            resources[name] = _amount(text, value)
    choice = ClusterChoice(where, threads, memory, resources)
    if choice.local:
        _local_number(where)
    elif not Path(where).is_file() and not _ADDRESS.fullmatch(where):
        raise InputError(
            f"`cluster` {where}: neither local, nor an address such as tcp://host:8786, nor the "
            "file of a scheduler; is the scheduler running, and does this machine see the file?"
        )
    return choice


def local_workers(choice: ClusterChoice, tasks: int) -> LocalWorkers:
    """Share this machine among workers, one task at a time on each.

    Args:
        choice: a local one.
        tasks: there are to do; no more workers are of use.

    Raises:
        InputError: more threads or memory than this machine has.
    """
    cores, total = available_cores(), _total_memory()
    threads, memory = choice.threads or 1, choice.memory or _LEAST_MEMORY
    if threads > cores:
        raise InputError(f"`per_task=threads={threads}`: this machine has {cores} cores")
    if choice.memory is not None and memory > total:
        raise InputError(
            f"`per_task=memory={memory / 1e9:g}GB`: this machine has {total / 1e9:.0f} GB"
        )
    stated = _local_number(choice.where)
    number = stated or max(1, min(cores // threads, int(0.9 * total) // memory))
    number = max(1, min(number, tasks))
    return LocalWorkers(
        number,
        choice.threads or max(1, cores // number),
        choice.memory or int(0.9 * total) // number,
    )


def available_cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _local_number(where: str) -> int | None:
    _, mark, number = where.partition(":")
    if not mark:
        return None
    if not number.isdecimal() or int(number) < 1:
        raise InputError(f"`cluster` {where}: expected local, or local:N with N workers")
    return int(number)


def _bytes(text: str, value: str) -> int:
    found = _BYTES.fullmatch(value.strip())
    size = 0 if found is None else int(float(found[1]) * _UNITS[found[2].lower()])
    if size < 1:
        raise InputError(f"`per_task` {text}: expected bytes, such as memory=8GB")
    return size


def _amount(text: str, value: str) -> float:
    try:
        amount = float(value)
    except ValueError:
        amount = 0.0
    if not 0 < amount < 1e6:
        raise InputError(f"`per_task` {text}: expected a number above 0")
    return amount


def _total_memory() -> int:
    """Bytes of this machine, or of its control group where that has less."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")] if os.name == "posix" else []
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        found += [int(limit)] if limit.isdecimal() else []
    except OSError:
        pass
    return min(found, default=8_000_000_000)
