"""A check is a state, a sentence and what to type; a probe that fails is a check as well."""

import pytest

from marrowscope.doctor.health_check import Check, State, guarded, one_line


def test_only_what_is_needed_and_does_not_work_breaks_the_core() -> None:
    for state, core, breaks in (
        (State.OK, True, False),
        (State.MISSING, True, True),
        (State.PROBLEM, True, True),
        (State.PROBLEM, False, False),
    ):
        assert Check("group", "name", state, "sentence", core=core).breaks_the_core is breaks


def test_a_probe_that_fails_is_a_problem_with_its_reason() -> None:
    def probe() -> Check:
        raise OSError("no\nsuch device")

    found = guarded("slides", "openslide", probe, core=True)
    assert (found.state, found.core) == (State.PROBLEM, True)
    assert found.sentence == "could not be examined (OSError: no such device)"


def test_a_check_is_plain_data_for_machines() -> None:
    found = guarded("group", "name", lambda: Check("group", "name", State.OK, "works"), core=True)
    assert found.to_dict() == {
        "group": "group",
        "name": "name",
        "state": "ok",
        "sentence": "works",
        "advice": None,
        "core": True,
        "facts": {},
    }


@pytest.mark.parametrize(
    ("error", "line"), [(ValueError(), "ValueError"), (KeyError("a"), "KeyError: 'a'")]
)
def test_an_error_is_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line
    assert len(one_line(RuntimeError("x" * 1000))) == 200
