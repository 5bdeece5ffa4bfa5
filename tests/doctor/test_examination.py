"""The whole examination: everything is answered, whatever is broken, and in time."""

import json

import pytest

from marrowscope.doctor import examination, library_checks
from marrowscope.doctor.examination import Examination, examine
from marrowscope.doctor.health_check import Check, State, guarded
from marrowscope.doctor.isolated_calls import Answer, call_isolated
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
    def crash(target: str, arguments: list[str], *rest: object) -> dict[str, Answer]:
        return {argument: Answer(failure="crashes (SIGSEGV)") for argument in arguments}

    monkeypatch.setattr(examination, "call_isolated", crash)
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
    found = call_isolated(
        "marrowscope.doctor.examination:run", ["format fonts", "import yaml"],
        examination.time.monotonic() + 60,
    )  # fmt: skip
    assert found["format fonts"].value["name"] == "fonts"
    assert found["import yaml"].value[0].isdigit()
