"""Runs in every worker of the tests' cluster as it starts: poison, and pages without pictures."""

import os
import signal
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from marrowscope.fleet import worker_slides

# Dask runs this file more than once in a process.
_count: Any = getattr(worker_slides.count_on_worker, "own", worker_slides.count_on_worker)
_BLANK = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763"
    "f8ffff3f0005fe02fea1399c1c0000000049454e44ae426082"
)


def _dying(setup: Any, task: Any) -> Any:
    if task.row.name == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    return _count(setup, task)


def _save(figure: Figure, target: Any, **options: Any) -> None:
    if isinstance(target, Path):
        target.write_bytes(_BLANK)
    else:
        target.write(_BLANK)


_dying.own = _count  # type: ignore[attr-defined]
worker_slides.count_on_worker = _dying
Figure.savefig = _save  # type: ignore[method-assign, assignment]
