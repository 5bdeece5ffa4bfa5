"""Steps of a study: done once, tried again, kept apart."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.report.study_page import Section
from marrowscope.reproduce.study_folder import StudyFolder


def quiet(line: str) -> None:
    pass


def test_a_part_that_fails_is_named_and_tried_again(tmp_path: Path) -> None:
    workshop = StudyFolder(tmp_path, quiet)
    tries = []

    def work() -> Section:
        tries.append(1)
        if len(tries) == 1:
            raise InputError("no cell of class X")
        return Section("T", "S", ("fine",))

    first = workshop.step("t", "T", "S", work)
    assert first.failed
    assert first.section.missing == ("no cell of class X",)
    second = workshop.step("t", "T", "S", work)
    assert not second.failed
    assert workshop.step("t", "T", "S", work).section == second.section
    assert len(tries) == 2

    def hopeless() -> Section:
        raise InputError("no image")

    with pytest.raises(InputError, match="no image"):
        workshop.step("u", "T", "S", hopeless, needed=True)
