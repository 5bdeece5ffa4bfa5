"""What a program gets of the examination; which checks there are is tested in ``tests/doctor``."""

from pathlib import Path

import pytest

from marrowscope.api import machine_examination
from marrowscope.api.machine_examination import examine_machine
from marrowscope.doctor.examination import Examination
from marrowscope.doctor.health_check import Check, State
from marrowscope.models import DEFAULT_MODEL

FOUND = Examination(
    (
        Check("machine", "cores", State.OK, "2 usable"),
        Check("libraries", "pdf", State.MISSING, "not installed", "pip install x"),
    ),
    1.0,
)


def test_model_and_time_are_handed_on_and_the_checks_are_a_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(machine_examination, "examine", lambda *given: asked.append(given) or FOUND)
    table = examine_machine().table
    examine_machine(Path("run") / "bundle", seconds=3)
    assert asked == [(DEFAULT_MODEL, 9.2), (str(Path("run") / "bundle"), 3)]
    assert table.rows() == [
        ("machine", "cores", "ok", "2 usable", None),
        ("libraries", "pdf", "missing", "not installed", "pip install x"),
    ]
