"""What doctor prints, and how it ends."""

import json

import pytest
from typer.testing import CliRunner

from marrowscope.cli.app import app
from marrowscope.doctor import examination
from marrowscope.doctor.examination import Examination
from marrowscope.doctor.health_check import Check, State
from marrowscope.errors import InputError

GOOD = Check("machine", "cores", State.OK, "2 usable")
MISSING = Check(
    "libraries", "pdf", State.MISSING, "not [installed]", "pip install 'marrowscope[pdf]'"
)
BROKEN = Check("libraries", "core", State.PROBLEM, "cv2 is not installed", "pip install x", True)


def found(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    monkeypatch.setattr(
        examination, "examine", lambda model, seconds, advance: Examination(checks, 3.21)
    )


def test_it_prints_state_sentence_and_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, GOOD, MISSING)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("marrowscope ")
    assert "  ok       cores            2 usable" in lines
    assert "  missing  pdf              not [installed]" in lines
    assert " " * 28 + "> pip install 'marrowscope[pdf]'" in lines
    assert lines[-1] == "1 ok, 1 missing; 3.2 s"


def test_a_broken_core_ends_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, GOOD, BROKEN)
    result = CliRunner().invoke(app, ["doctor"])
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == "core: cv2 is not installed; pip install x"


def test_json_has_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, GOOD, MISSING)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    data = json.loads(result.stdout)
    assert (data["works"], data["seconds"]) == (True, 3.2)
    assert data["checks"] == [GOOD.to_dict(), MISSING.to_dict()]
