"""Libraries that are there, that are missing, and that are there and fail."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from marrowscope.doctor import library_checks
from marrowscope.doctor.health_check import State
from marrowscope.doctor.isolated_calls import TOO_SLOW, Answer
from marrowscope.doctor.library_checks import CORE, core_libraries, distribution, extra
from marrowscope.extras import EXTRAS

WORKS = {name: Answer("1.0") for one in EXTRAS.values() for name in one.modules}
WORKS |= {name: Answer("1.0") for name in CORE}
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_all_that_the_package_requires_is_looked_at() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    required = {re.split(r"[^\w.-]", line)[0].lower() for line in project["dependencies"]}
    known = {distribution(name).lower() for name in WORKS}
    assert required - known == {"openslide-bin"}  # what openslide-python loads
    assert {distribution(name).lower() for name in CORE} <= required


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert library_checks.try_library("yaml") == version("pyyaml")


def test_what_is_installed_is_found_without_importing_it() -> None:
    names = library_checks.modules_to_try()
    assert names[: len(CORE)] == CORE
    assert len(set(names)) == len(names)


def test_a_core_that_works_tells_its_versions() -> None:
    check = core_libraries(WORKS)
    assert (check.state, check.core) == (State.OK, True)
    assert check.sentence.startswith("numpy 1.0, scipy 1.0")


@pytest.mark.parametrize("absent", [True, False])
def test_a_broken_core_says_why_and_what_to_type(absent: bool) -> None:
    answers = {**WORKS, "cv2": Answer(failure="ImportError: libGL.so.1")}
    if absent:
        del answers["cv2"]
    check = core_libraries(answers)
    reason = "is not installed" if absent else "cannot be imported: ImportError: libGL.so.1"
    assert check.breaks_the_core
    assert check.sentence == f"cv2 {reason}"
    assert check.advice == "pip install --force-reinstall opencv-python-headless"


def test_an_extra_that_is_not_installed_is_missing() -> None:
    answers = {name: answer for name, answer in WORKS.items() if name != "lightning"}
    check = extra("train", answers)
    assert (check.state, check.core) == (State.MISSING, False)
    assert check.sentence == "training networks: not installed (lightning)"
    assert check.advice == "pip install 'marrowscope[train]'"


def test_a_python_without_builds_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    check = extra("dicom", {})
    assert "no build for Python 3.14" in check.sentence
    assert check.advice == "use an earlier Python"


def test_an_extra_that_fails_to_import_is_a_problem_with_its_reason() -> None:
    check = extra("train", {**WORKS, "torch": Answer(failure="crashes (SIGILL)")})
    assert check.state == State.PROBLEM
    assert check.sentence == "torch cannot be imported: crashes (SIGILL)"
    assert check.advice == "pip install --force-reinstall torch"


def test_what_was_not_tried_is_neither_good_nor_broken() -> None:
    late = {**WORKS, "numpy": Answer(failure=TOO_SLOW, tried=False)}
    check = core_libraries(late)
    assert check.state == State.PROBLEM
    assert not check.breaks_the_core
    assert "numpy (not tried)" in check.sentence
    assert "--seconds 60" in str(check.advice)
    assert check.facts["libraries"][0]["imported"] is None
    none = dict.fromkeys(EXTRAS["pdf"].modules, Answer(failure=TOO_SLOW, tried=False))
    assert extra("pdf", none).sentence == "reports as PDF: installed, no time was left to try it"
