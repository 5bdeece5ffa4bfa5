"""A run folder → the number of threads that it is computed with, set and put back.

The order in which partial sums are added depends on the number of threads, and so do the bits of a
training. The number is therefore taken once, recorded in ``run.json`` and set again by a resume,
whatever the machine has and whatever ran before in the same process: a parallel function of Numba,
for one, sets the number of OpenMP for the whole process, and with it that of torch.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from marrowscope.errors import InputError
from marrowscope.training.run_folder import RUN, THREADS, read_run


def current_thread_count() -> int:
    """Threads that torch computes with now, no more than OpenMP's limit permits."""
    limit = _openmp_limit()
    return torch.get_num_threads() if limit is None else min(torch.get_num_threads(), limit)


def run_thread_count(folder: Path, wanted: int | None, resume: bool) -> int:
    """Threads for a run: those wanted, those it was started with, or those that torch has now.

    Args:
        folder: the run folder; it may be missing.
        wanted: None for no wish.
        resume: whether an earlier part of the run has to be gone on with. A run of a version that
            did not record the number continues with that of now.

    Raises:
        InputError: ``wanted`` is below 1, or ``run.json`` cannot be read.
    """
    if wanted is not None and wanted < 1:
        raise InputError(f"threads is {wanted}; at least 1 is needed")
    recorded = read_run(folder).get(THREADS) if resume and (folder / RUN).exists() else None
    if wanted is not None:
        return wanted
    return current_thread_count() if recorded is None else int(recorded)


@contextmanager
def fixed_thread_count(threads: int) -> Iterator[None]:
    """Let torch, BLAS and OpenMP compute with so many threads; before and after, with their own.

    What Lightning switches in torch for the whole process (deterministic algorithms, the choice of
    kernels by trial) is put back as well, for what comes later has bits, too.

    Raises:
        InputError: this machine does not permit so many; the bits would be others.
    """
    limit = _openmp_limit()
    if limit is not None and threads > limit:
        raise _not_permitted(threads, f"OMP_THREAD_LIMIT permits {limit}")
    before = torch.get_num_threads()
    with threadpool_limits(threads), _switches_kept():
        torch.set_num_threads(threads)
        try:
            if torch.get_num_threads() != threads:
                raise _not_permitted(threads, f"torch takes {torch.get_num_threads()}")
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def _switches_kept() -> Iterator[None]:
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    benchmark = torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def restored_thread_count() -> Iterator[None]:
    """Give torch its number of threads back after a library that may change it."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def oversubscription_note(threads: int) -> str | None:
    """A line for a resumed run with more threads than this machine has cores, or None."""
    cores = os.cpu_count() or 1
    if threads <= cores:
        return None
    return f"computes with {threads} threads on {cores} cores, as it was begun: its bits stay"


def _openmp_limit() -> int | None:
    given = os.environ.get("OMP_THREAD_LIMIT", "").strip()
    return int(given) if given.isdigit() and int(given) else None


def _not_permitted(threads: int, reason: str) -> InputError:
    return InputError(
        f"the run computes with {threads} threads, for the same bits, and {reason} here; "
        "raise the limit, continue where more are permitted, or start a new run"
    )
