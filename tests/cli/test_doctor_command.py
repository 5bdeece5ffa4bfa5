"""What doctor prints, and how it ends."""

import json

import pytest

from marrowscope.api import machine_examination
from marrowscope.doctor.examination import Examination
from marrowscope.doctor.health_check import Check, State
from support.command_shell import Shell

GOOD = Check("machine", "cores", State.OK, "2 usable")
MISSING = Check(
    "libraries", "pdf", State.MISSING, "not [installed]", "pip install 'marrowscope[pdf]'"
)
BROKEN = Check("libraries", "core", State.PROBLEM, "cv2 is not installed", "pip install x", True)


def found(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    monkeypatch.setattr(
        machine_examination, "examine", lambda model, seconds, advance: Examination(checks, 3.21)
    )


def test_it_prints_state_sentence_and_what_to_type(
    monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    found(monkeypatch, GOOD, MISSING)
    lines = shell("doctor").out.splitlines()
    assert lines[0].startswith("marrowscope ")
    assert "  ok       cores            2 usable" in lines
    assert "  missing  pdf              not [installed]" in lines
    assert " " * 28 + "> pip install 'marrowscope[pdf]'" in lines
    assert lines[-1] == "1 ok, 1 missing; 3.2 s"


def test_a_broken_core_ends_with_one_line(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    found(monkeypatch, GOOD, BROKEN)
    printed = shell("doctor", status=1)
    assert printed.err == "marrowscope: core: cv2 is not installed; pip install x\n"


def test_json_has_the_same(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    found(monkeypatch, GOOD, MISSING)
    data = json.loads(shell("doctor", "--json").out)
    assert (data["works"], data["seconds"]) == (True, 3.2)
    assert data["checks"] == [GOOD.to_dict(), MISSING.to_dict()]
