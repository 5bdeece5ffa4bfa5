"""From a function and its arguments to answers, computed in a process of its own.

A library that crashes, prints or hangs while it is imported does so there. Calls share a process,
because libraries share what they import; after a crash the next call gets a new one.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Any, Self

from marrowscope.doctor.health_check import one_line

TOO_SLOW = "no answer in time"
AGAIN = "marrowscope doctor --seconds 60"  # a slow disk, or other programs that compute
_SERVE = f"import sys; from {__name__} import serve; serve(sys.argv[1])"


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


class IsolatedCalls:
    """Calls a function in another process, one call after the other; a new process after a crash.

    Args:
        target: ``package.module:function``, which takes a string and returns a JSON value.
        deadline: on the clock of ``time.monotonic``; what runs then is killed.
    """

    def __init__(self, target: str, deadline: float) -> None:
        self._target, self._deadline = target, deadline
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the process, so that it is ready when the first call comes."""
        self._start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process."""
        self._end()

    def call(self, argument: str) -> Answer:
        """Call the function once; it is blamed for what its process does meanwhile."""
        if time.monotonic() >= self._deadline:
            return Answer(failure=TOO_SLOW, tried=False)
        process = self._process or self._start()
        assert process.stdin is not None  # pipes were asked for
        assert process.stdout is not None
        alarm = threading.Timer(max(0.0, self._deadline - time.monotonic()), process.kill)
        alarm.start()
        try:
            with suppress(BrokenPipeError):  # it has ended already: that is told below
                process.stdin.write(json.dumps(argument) + "\n")
                process.stdin.flush()
            line = process.stdout.readline()
            if line.endswith("\n"):  # if not, it ended while it wrote
                return Answer(*json.loads(line))
            code = process.wait()
        finally:
            alarm.cancel()
        late = time.monotonic() >= self._deadline
        return Answer(failure=TOO_SLOW if late else _reason(code, self._end()))

    def _start(self) -> "subprocess.Popen[str]":
        # -P: a file in the working folder that is named like a library must not be taken for it.
        command = [sys.executable, "-P", "-c", _SERVE, self._target]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # _end closes it
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "MPLBACKEND": "agg"},
            encoding="utf-8",
        )
        return self._process

    def _end(self) -> bytes:
        """Make an end of the process; what it wrote to standard error."""
        if self._process is None or self._errors is None:
            return b""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # closing writes what was not written yet
                    stream.close()
        with self._errors:
            self._errors.seek(0)
            written = self._errors.read()
        self._process = self._errors = None
        return written


def _reason(code: int, errors: bytes) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"crashes ({name})"
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return f"ends with exit code {code}" + (f" ({lines[-1].strip()[:160]})" if lines else "")


def serve(target: str) -> None:
    """The other process: a call on each line of standard input, its answer on one of output.

    Both are JSON. It does not return.
    """
    # What libraries print must not come between the answers.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Nor may they wait for what is typed, or take a call for it.
    calls = os.fdopen(os.dup(0), encoding="utf-8")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    module, _, name = target.partition(":")
    for line in calls:
        value, failure = None, None
        try:
            value = getattr(import_module(module), name)(json.loads(line))
        except BaseException as error:  # SystemExit too: a library may end the process on import
            failure = one_line(error)
        channel.write(json.dumps([value, failure]) + "\n")
        channel.flush()
    os._exit(0)  # taking large libraries down properly costs time and may crash
