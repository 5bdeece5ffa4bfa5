"""From a function and its arguments to answers, computed in a process of its own.

A library that crashes, prints or hangs while it is imported does so there. The calls run one after
another in one process, because libraries share what they import; after a crash the calls that are
left get a new one.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from marrowscope.doctor.health_check import one_line

TOO_SLOW = "no answer in time"
AGAIN = "marrowscope doctor --seconds 60"  # a slow disk, or other programs that compute
_SERVE = f"import sys; from {__name__} import serve; serve(sys.argv[1], sys.argv[2:])"


@dataclass(frozen=True)
class Answer:
    """What one call gave.

    Attributes:
        value: plain JSON value that it returned; None if it failed.
        failure: why there is no value, in a few words; None if there is one.
        tried: False if there was no time left to begin.
    """

    value: Any = None
    failure: str | None = None
    tried: bool = True

    @property
    def in_time(self) -> bool:
        """Whether the call came to an end, good or bad, before the deadline."""
        return self.failure != TOO_SLOW


def call_isolated(
    target: str,
    arguments: Sequence[str],
    deadline: float,
    answered: Callable[[str], None] = lambda argument: None,
) -> dict[str, Answer]:
    """Call a function once for each argument, in another process.

    Args:
        target: ``package.module:function``, which takes a string and returns a JSON value.
        arguments: what it is called with, each one once.
        deadline: on the clock of ``time.monotonic``; what runs then is killed.
        answered: called with each argument when its answer is there.

    Returns:
        An answer for each argument, in their order.
    """
    answers: dict[str, Answer] = {}
    left = list(arguments)
    while left and time.monotonic() < deadline:
        failure = None
        for argument, answer in _one_process(target, left, deadline):
            if argument is None:
                failure = answer.failure
            else:
                answers[argument] = answer
                answered(argument)
        left = [argument for argument in left if argument not in answers]
        if left and failure is not None:
            # It ended in the first call without an answer: that one is to blame.
            answers[left[0]] = Answer(failure=failure)
            answered(left.pop(0))
    answers |= {argument: Answer(failure=TOO_SLOW, tried=False) for argument in left}
    return {argument: answers[argument] for argument in arguments}


def _one_process(
    target: str, arguments: Sequence[str], deadline: float
) -> Iterator[tuple[str | None, Answer]]:
    """Answers as they come; with None instead of an argument, why there are no more."""
    # -P: a file in the working folder that is named like a library must not be taken for it.
    command = [sys.executable, "-P", "-c", _SERVE, target, *arguments]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            env={**os.environ, "MPLBACKEND": "agg"},
        )  # fmt: skip
        assert process.stdout is not None  # a pipe was asked for
        alarm = threading.Timer(max(0.0, deadline - time.monotonic()), process.kill)
        alarm.start()
        try:
            for line in process.stdout:
                try:
                    argument, value, failure = json.loads(line)
                except ValueError:  # the process was killed while it wrote
                    continue
                yield argument, Answer(value, failure)
            code = process.wait()
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
        errors.seek(0)
        late = time.monotonic() >= deadline
        yield None, Answer(failure=TOO_SLOW if late else _reason(code, errors.read()))


def _reason(code: int, errors: bytes) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"crashes ({name})"
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return f"ends with exit code {code}" + (f" ({lines[-1].strip()[:160]})" if lines else "")


def serve(target: str, arguments: Sequence[str]) -> None:
    """The other process: one line of JSON for each call on standard output; does not return."""
    # What libraries print must not come between the answers.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, name = target.partition(":")
    function = getattr(import_module(module), name)
    for argument in arguments:
        value, failure = None, None
        try:
            value = function(argument)
        except BaseException as error:  # SystemExit too: a library may end the process on import
            failure = one_line(error)
        channel.write(json.dumps([argument, value, failure]) + "\n")
        channel.flush()
    os._exit(0)  # taking large libraries down properly costs time and may crash
