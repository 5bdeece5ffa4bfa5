"""From nothing to all checks within ten seconds: what is examined, in which order, how long."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marrowscope._about import __version__
from marrowscope.doctor import engine_checks, format_checks, library_checks, machine_checks
from marrowscope.doctor.health_check import Check, State, guarded
from marrowscope.doctor.isolated_calls import AGAIN, Answer, IsolatedCalls
from marrowscope.doctor.turns import Turns
from marrowscope.extras import EXTRAS
from marrowscope.models import DEFAULT_MODEL
from marrowscope.progress import Advance

if TYPE_CHECKING:
    import polars as pl

SECONDS = 9.2  # for everything but the start and the end of the command
# These import torch; the quickest come first.
WITH_TORCH = ("torch", "tensorboard", "captum", "timm", "nncf", "lightning")
# Of the others, what comes last, because all that is quick should be told if there is no time.
SLOW = ("sklearn", "cleanlab", "umap")
_TARGET = f"{__name__}:run"


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

    @property
    def table(self) -> "pl.DataFrame":
        """One row per check: ``group``, ``name``, ``state``, ``sentence``, ``advice``."""
        import polars as pl  # not above: whether it works is what is examined

        names = ("group", "name", "state", "sentence", "advice")
        rows = [[check.to_dict()[name] for name in names] for check in self.checks]
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")

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
    advance(0, total=len(_others()) + len(_on_torch()))
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
    answers, gpu = _answers(model, began + seconds, advance)
    imports = _of_kind("library", answers)
    system = gpu.sentence if gpu.state == State.OK else None
    libraries = [
        library_checks.core_libraries(imports),
        *(library_checks.extra(name, imports) for name in EXTRAS),
    ]
    engines = [*engine_checks.engine_checks(_of_kind("engine", answers), system), gpu]
    formats = [_from_answer(name, one) for name, one in _of_kind("format", answers).items()]
    checks = (*machine, *libraries, *engines, *formats, *folders)
    return Examination(checks, time.monotonic() - began)


def _answers(model: str, deadline: float, advance: Advance) -> tuple[dict[str, Answer], Check]:
    """Two processes, so that two cores are busy: torch and what imports it, and all else.

    Engines are measured while the other process rests, for other work would falsify their speed.
    """
    answers: dict[str, Answer] = {}
    turns, unasked = Turns(), Answer()
    engines = [f"{name}@{model}" for name in engine_checks.installed()]
    with_torch = [name for name in engines if name.startswith("torch")]
    without = [name for name in engines if name not in with_torch]

    def ask(process: IsolatedCalls, calls: list[str]) -> None:
        for call in calls:
            with turns.together():
                answers[call] = process.call(call)
            advance(1)

    def prepare(process: IsolatedCalls, names: list[str]) -> None:
        for name in names:
            with turns.together():
                answers[f"engine {name}"] = process.call(f"prepare {name}")

    def measure(process: IsolatedCalls, names: list[str]) -> None:
        for name in names:
            if answers.get(f"engine {name}", unasked).value == engine_checks.READY:
                answers[f"engine {name}"] = process.call(f"measure {name}")

    def torch_and_on_it(first: IsolatedCalls, second: IsolatedCalls) -> None:
        prepare(first, with_torch)
        with turns.alone():
            measure(first, with_torch)
            measure(second, without)
        ask(first, _on_torch())

    def all_else(second: IsolatedCalls) -> None:
        prepare(second, without)
        ask(second, _others())
        with turns.together():  # if torch is not there yet: better beside it than not at all
            measure(second, without)

    with (
        IsolatedCalls(_TARGET, deadline) as first,
        IsolatedCalls(_TARGET, deadline) as second,
        ThreadPoolExecutor(2) as pool,
    ):
        begun = [pool.submit(torch_and_on_it, first, second), pool.submit(all_else, second)]
        gpu = guarded(engine_checks.GROUP, "GPU", engine_checks.gpu_check)
        for one in begun:
            one.result()
    return answers, gpu


def _on_torch() -> list[str]:
    modules = library_checks.modules_to_try()
    return [f"library {name}" for name in WITH_TORCH if name in modules]


def _others() -> list[str]:
    modules = [name for name in library_checks.modules_to_try() if name not in WITH_TORCH]
    modules.sort(key=lambda name: name in SLOW)
    return [
        *(f"format {name}" for name in format_checks.PROBES),
        *(f"library {name}" for name in modules),
    ]


def run(call: str) -> Any:
    """One examination, in a process of its own.

    Args:
        call: its kind, a space, and what it is of.
    """
    kind, _, argument = call.partition(" ")
    examine_one: Callable[[str], Any] = {
        "prepare": engine_checks.prepare,
        "measure": engine_checks.measure,
        "format": format_checks.examine,
        "library": library_checks.try_library,
    }[kind]
    return examine_one(argument)


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
        return Check(group, name, State.PROBLEM, "no time was left to examine it", AGAIN)
    return Check(group, name, State.PROBLEM, str(answer.failure), core=core)
