"""A function and items → results as they are finished by workers, whatever becomes of these.

Dask gives tasks of a dead worker to another one, and calls a task bad with which workers died
several times. Such a task is tried once more when nothing else runs: a task that only shared a
worker with a bad one comes through, and the bad one is known for sure.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from marrowscope.errors import InputError

T = TypeVar("T")

WORKERLESS_SECONDS = 300.0  # after the last worker went; nannies and job systems replace them
_CHECK_SECONDS = 5.0
_SETTLE_SECONDS = 1.0
_GONE = (
    "`cluster`: the scheduler is gone, or gave the tasks up; the same command goes on where it was"
)


@dataclass(frozen=True)
class TaskResult(Generic[T]):
    """How a task ended.

    Attributes:
        place: of its item.
        value: what the function returned; None where it did not.
        refused: message of an ``InputError`` that it raised.
        mistake: any other error, in a line.
        deaths: how often its worker died; of a task with a value 0.
    """

    place: int
    value: T | None
    refused: str | None = None
    mistake: str | None = None
    deaths: int = 0

    @property
    def reason(self) -> str | None:
        """Why there is no value; None where there is one."""
        if self.deaths:
            return f"its process died {self.deaths} times (memory, or a damaged file)"
        return self.refused or self.mistake


def run_tasks(
    client: Any,
    function: Callable[..., T],
    items: Sequence[tuple[Any, ...]],
    resources: Mapping[str, float] | None = None,
) -> Iterator[TaskResult[T]]:
    """Call a function for every item on the workers of a cluster.

    Args:
        client: ``distributed.Client``.
        function: of a module that workers can import; plain data in and out.
        items: its arguments.
        resources: of Dask, that each task takes.

    Yields:
        Results, as they come; one for every item.

    Raises:
        InputError: the scheduler is gone.
    """
    suspected: list[int] = []
    for result in _finished(client, function, items, list(range(len(items))), None, resources):
        if result.deaths:
            suspected.append(result.place)
        else:
            yield result
    yield from _finished(client, function, items, suspected, 1, resources)


def _finished(
    client: Any,
    function: Callable[..., T],
    items: Sequence[tuple[Any, ...]],
    places: list[int],
    most: int | None,
    resources: Mapping[str, float] | None,
) -> Iterator[TaskResult[T]]:
    """Results of some items; no more are handed over than workers can begin, or than ``most``.

    Tasks that wait on a worker would be suspected when it dies, and bytes would pile up.
    """
    ahead = list(reversed(places))
    under_way: dict[Any, int] = {}
    try:
        while ahead or under_way:
            while ahead and len(under_way) < (most or _slots(client)):
                place = ahead.pop()
                wanted = dict(resources or {})
                future = client.submit(
                    attempt, place, function, items[place], pure=False, resources=wanted
                )
                under_way[future] = place
            for future in _first_done(client, list(under_way)):
                result: TaskResult[T] = _result(future, under_way.pop(future))
                future.release()
                yield result
    finally:
        for future in under_way:  # whoever stops early wants no more results
            future.cancel()


def _first_done(client: Any, futures: list[Any]) -> list[Any]:
    """Those that are done, one at least; waits for it as long as there are workers.

    Raises:
        InputError: the scheduler is gone; or workers that were there are, and none came back.
    """
    from distributed import wait

    left_at: float | None = None  # since when there is no worker, where there were some
    while True:
        try:
            return list(wait(futures, timeout=_CHECK_SECONDS, return_when="FIRST_COMPLETED").done)
        except CancelledError:
            return [future for future in futures if future.status in ("cancelled", "lost")]
        except TimeoutError:
            pass
        if client.status != "running":
            raise InputError(_GONE)
        if client.nthreads():
            left_at = time.monotonic()
        elif left_at is not None and time.monotonic() - left_at > WORKERLESS_SECONDS:
            raise InputError(
                f"`cluster`: no worker for {WORKERLESS_SECONDS:g} s; start workers, the same "
                "command goes on where it was"
            )


def attempt(place: int, function: Callable[..., T], given: tuple[Any, ...]) -> TaskResult[T]:
    """On a worker: call a function. Errors come back as text: Dask loses some with their traces."""
    _settle()
    try:
        return TaskResult(place, function(*given))
    except InputError as error:
        return TaskResult(place, None, refused=str(error))
    except Exception as error:
        return TaskResult(place, None, mistake=described(error))


@lru_cache(maxsize=1)
def _settle() -> None:
    """On a worker, once: a nanny gives up a worker that dies before it is told that it runs."""
    time.sleep(_SETTLE_SECONDS)


def described(error: BaseException) -> str:
    """Kind and text of an error in one line of at most 300 letters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _result(future: Any, place: int) -> TaskResult[T]:
    from distributed import KilledWorker

    if future.status == "finished":
        found: TaskResult[T] = future.result()
        return found
    if future.status in ("cancelled", "lost"):
        raise InputError(_GONE)
    error = future.exception()
    if isinstance(error, KilledWorker):
        return TaskResult(place, None, deaths=error.allowed_failures + 1)
    return TaskResult(place, None, mistake=described(error))


def _slots(client: Any) -> int:
    """Tasks that workers can run now; one where there is no worker yet."""
    threads: list[int] = list(client.nthreads().values())
    return max(1, sum(threads))


def take_threads(stated: int | None) -> int:
    """On a worker: let what computes take so many threads; returns their number.

    Args:
        stated: by the user; None: as many as OMP_NUM_THREADS says, which Dask sets to 1.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    threads = stated or (int(given) if given.isdecimal() and int(given) else 1)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads
