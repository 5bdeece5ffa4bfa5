"""From nothing to all checks within ten seconds: what is examined, in which order, how long."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from marrowscope._about import __version__
from marrowscope.doctor import engine_checks, format_checks, library_checks, machine_checks
from marrowscope.doctor.health_check import Check, State, guarded
from marrowscope.doctor.isolated_calls import AGAIN, Answer, call_isolated
from marrowscope.extras import EXTRAS
from marrowscope.models import DEFAULT_MODEL
from marrowscope.progress import Advance

SECONDS = 8.5  # for everything but the start of the command
ENGINE_SHARE = 0.5  # of the time, at most, all else waits for the engines
# These import torch; the quickest come first.
WITH_TORCH = ("torch", "tensorboard", "captum", "timm", "nncf", "lightning")


@dataclass(frozen=True)
class Examination:
    """What was found on this machine.

    Attributes:
        checks: in the order in which they are shown.
        seconds: that it took.
    """

    checks: tuple[Check, ...]
    seconds: float

    @property
    def core_problems(self) -> tuple[Check, ...]:
        """Checks because of which marrowscope is of no use here."""
        return tuple(check for check in self.checks if check.breaks_the_core)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "version": __version__,
            "works": not self.core_problems,
            "seconds": round(self.seconds, 1),
            "checks": [check.to_dict() for check in self.checks],
        }


def examine(
    model: str = DEFAULT_MODEL,
    seconds: float = SECONDS,
    advance: Advance = lambda *done, **total: None,
) -> Examination:
    """Examine this machine.

    Args:
        model: shipped model or bundle folder that the engines are measured with.
        seconds: after which what is not done is left out, and said to be.
        advance: progress.
    """
    began = time.monotonic()
    deadline = began + seconds
    advance(0, total=4)
    machine = [
        guarded("machine", "python", machine_checks.python),
        guarded("machine", "cores", machine_checks.cores),
        guarded("machine", "memory", machine_checks.memory),
        guarded("machine", "terminal", machine_checks.terminal),
    ]
    folders = [
        guarded("folders", "working folder", machine_checks.working_folder),
        guarded("folders", "temp folder", machine_checks.temp_folder, core=True),
        guarded("folders", "cache folder", machine_checks.cache_folder),
    ]
    gpu = guarded(engine_checks.GROUP, "GPU", engine_checks.gpu_check)
    advance(1)
    answers = _answers(model, began + ENGINE_SHARE * seconds, deadline, advance)
    imports = _of_kind("import", answers)
    system = gpu.sentence if gpu.state == State.OK else None
    libraries = [
        library_checks.core_libraries(imports),
        *(library_checks.extra(name, imports) for name in EXTRAS),
    ]
    engines = [*engine_checks.engine_checks(_of_kind("engine", answers), system), gpu]
    formats = [_from_answer(name, one) for name, one in _of_kind("format", answers).items()]
    checks = (*machine, *libraries, *engines, *formats, *folders)
    return Examination(checks, time.monotonic() - began)


def _answers(model: str, patience: float, deadline: float, advance: Advance) -> dict[str, Answer]:
    """Engines first, alone, for other work would falsify their speed; then all else, in two
    processes, of which one goes on from the engines, because it has imported torch already.
    """
    target = f"{__name__}:run"
    engines = [f"engine {name}@{model}" for name in engine_checks.installed()]
    modules = library_checks.modules_to_try()
    with_torch = [f"import {name}" for name in WITH_TORCH if name in modules]
    others = [f"import {name}" for name in modules if name not in WITH_TORCH]
    formats = [f"format {name}" for name in format_checks.PROBES]
    measured = threading.Event()
    waited_for = set(engines)

    def answered(call: str) -> None:
        waited_for.discard(call)
        if not waited_for:
            measured.set()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(call_isolated, target, [*engines, *with_torch], deadline, answered)
        if engines:
            measured.wait(max(0.0, patience - time.monotonic()))
        advance(1)
        second = call_isolated(target, [*formats, *others], deadline)
        advance(1)
        answers = {**first.result(), **second}
    advance(1)
    return answers


def run(call: str) -> Any:
    """One examination, in a process of its own.

    Args:
        call: its kind, a space, and what it is of.
    """
    kind, _, argument = call.partition(" ")
    if kind == "engine":
        return engine_checks.measure(argument)
    return (
        format_checks.examine(argument) if kind == "format" else library_checks.try_import(argument)
    )


def _of_kind(kind: str, answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """Answers of one kind, by what they are of; engines without the model."""
    return {
        call.split(" ", 1)[1].partition("@")[0]: answer
        for call, answer in answers.items()
        if call.startswith(kind + " ")
    }


def _from_answer(name: str, answer: Answer) -> Check:
    group, _, core = format_checks.PROBES[name]
    if answer.value is not None:
        return Check(**{**answer.value, "state": State(answer.value["state"])})
    if not answer.in_time:
        return Check(group, name, State.PROBLEM, "could not be examined in the time", AGAIN)
    return Check(group, name, State.PROBLEM, str(answer.failure), core=core)
