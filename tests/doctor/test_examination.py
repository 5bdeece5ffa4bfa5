"""The whole examination: everything is answered, whatever is broken, and in time."""

import json
import time

import pytest

from marrowscope.doctor import engine_checks, examination, library_checks
from marrowscope.doctor.examination import Examination, examine
from marrowscope.doctor.health_check import Check, State, guarded
from marrowscope.doctor.isolated_calls import TOO_SLOW, Answer, IsolatedCalls
from marrowscope.extras import EXTRAS

NAMES = {
    "machine": ["python", "cores", "memory", "terminal"],
    "libraries": ["core", *EXTRAS],
    "engines": ["OpenVINO fp32", "OpenVINO int8", "torch CPU", "torch CUDA", "GPU"],
    "formats": ["images", "slides"],
    "reports": ["fonts", "CJK fonts", "PDF"],
    "folders": ["working folder", "temp folder", "cache folder"],
}


def names(found: Examination) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for check in found.checks:
        groups.setdefault(check.group, []).append(check.name)
    return groups


def test_everything_is_examined_and_the_core_works_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_checks, "modules_to_try", lambda: library_checks.CORE)
    found = examine(seconds=60)
    assert names(found) == NAMES
    assert not found.core_problems
    assert all(check.state != State.PROBLEM for check in found.checks if check.core)
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(data) == {"version", "works", "seconds", "checks"}
    for check in data["checks"]:
        assert set(check) == {"group", "name", "state", "sentence", "advice", "core", "facts"}
        assert check["state"] in ("ok", "missing", "problem")
        assert "\n" not in check["sentence"]


def test_without_time_everything_is_said_to_be_open_and_nothing_to_be_broken() -> None:
    found = examine(seconds=0)
    assert names(found) == NAMES
    assert found.seconds < 5
    assert not found.core_problems
    assert {check.state for check in found.checks if check.group == "formats"} == {State.PROBLEM}


def test_libraries_that_all_crash_break_the_core_in_one_line_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(self: IsolatedCalls, argument: str) -> Answer:
        return Answer(failure="crashes (SIGSEGV)")

    monkeypatch.setattr(IsolatedCalls, "call", crash)
    found = examine(seconds=1)
    assert {check.name for check in found.core_problems} == {
        "core", "any engine", "images", "slides", "fonts",
    }  # fmt: skip
    assert not found.to_dict()["works"]


def test_a_probe_that_fails_is_a_problem_and_no_traceback() -> None:
    def fail() -> Check:
        raise KeyError("MemTotal")

    check = guarded("machine", "memory", fail)
    assert (check.state, check.sentence) == (
        State.PROBLEM, "could not be examined (KeyError: 'MemTotal')",
    )  # fmt: skip


def test_one_kind_of_call_is_told_from_another() -> None:
    assert examination.run("format fonts")["name"] == "fonts"
    assert examination.run("library yaml")[0].isdigit()


def test_engines_are_measured_while_nothing_else_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    running: set[str] = set()
    beside: dict[str, set[str]] = {}

    def call(self: IsolatedCalls, argument: str) -> Answer:
        running.add(argument)
        time.sleep(0.003)
        beside[argument] = running - {argument}
        running.discard(argument)
        return Answer(engine_checks.READY) if argument.startswith("prepare") else Answer({})

    def begin(self: IsolatedCalls) -> IsolatedCalls:
        return self

    monkeypatch.setattr(IsolatedCalls, "call", call)
    monkeypatch.setattr(IsolatedCalls, "__enter__", begin)
    answers, _ = examination._answers("m", time.monotonic() + 60, lambda *done, **total: None)
    measured = [name for name in beside if name.startswith("measure")]
    assert sorted(measured) == sorted(f"measure {name}@m" for name in engine_checks.installed())
    assert all(not beside[name] for name in measured)
    assert set(answers) >= {f"library {name}" for name in library_checks.modules_to_try()}


def test_an_engine_is_measured_though_torch_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better beside it than not at all."""
    asked: list[str] = []

    def call(self: IsolatedCalls, argument: str) -> Answer:
        asked.append(argument)
        if argument.startswith("prepare torch"):
            time.sleep(1)
            return Answer(failure=TOO_SLOW)
        return Answer(engine_checks.READY) if argument.startswith("prepare") else Answer({})

    monkeypatch.setattr(IsolatedCalls, "call", call)
    monkeypatch.setattr(IsolatedCalls, "__enter__", lambda self: self)
    monkeypatch.setattr(engine_checks, "installed", lambda: ["OpenVINO fp32", "torch CPU"])
    examination._answers("m", time.monotonic() + 60, lambda *done, **total: None)
    assert "measure OpenVINO fp32@m" in asked
    assert "measure torch CPU@m" not in asked
