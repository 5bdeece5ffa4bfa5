"""What a library does in the other process does not reach this one."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from marrowscope.doctor.isolated_calls import TOO_SLOW, Answer, IsolatedCalls

FUNCTION = """
import os, sys, time
def act(what):
    print("noise on standard output")
    os.write(1, b"more noise")
    if what == "crash":
        os.kill(os.getpid(), 11)
    if what == "leave":
        os._exit(7)
    if what == "exit":
        sys.exit(3)
    if what == "raise":
        raise ImportError("libgone.so:\\n cannot open shared object file")
    if what == "read" and sys.stdin.read():
        raise ValueError("there was something to read")
    if what == "hang":
        time.sleep(60)
    return {"did": what, "process": os.getpid()}
"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "acting.py").write_text(FUNCTION)
    # An empty entry would be the working folder.
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    return "acting:act"


def soon(seconds: float = 30) -> float:
    return time.monotonic() + seconds


def asked(target: str, *calls: str, seconds: float = 30) -> dict[str, Answer]:
    with IsolatedCalls(target, soon(seconds)) as process:
        return {call: process.call(call) for call in calls}


def test_answers_come_from_one_other_process(target: str) -> None:
    found = asked(target, "a", "b")
    assert found["a"].value["did"] == "a"
    assert found["a"].value["process"] == found["b"].value["process"] != os.getpid()


def test_the_process_ends_with_the_block(target: str) -> None:
    with IsolatedCalls(target, soon()) as process:
        number = process.call("a").value["process"]
        os.kill(number, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to end by")
def test_a_crash_is_told_of_the_call_that_made_it_and_the_others_are_answered(target: str) -> None:
    found = asked(target, "a", "crash", "b")
    assert found["crash"].failure == f"crashes ({signal.Signals(11).name})"
    assert found["a"].value["did"] == "a"
    assert found["b"].value["did"] == "b"


def test_a_library_that_ends_its_process_is_told_by_the_exit_code(target: str) -> None:
    found = asked(target, "leave", "exit", "b")
    assert found["leave"].failure == "ends with exit code 7 (more noise)"
    assert found["exit"].failure == "SystemExit: 3"
    assert found["b"].failure is None


def test_an_error_is_one_line(target: str) -> None:
    found = asked(target, "raise")
    assert found["raise"].failure == "ImportError: libgone.so: cannot open shared object file"


def test_what_waits_for_input_gets_none_and_takes_no_call(target: str) -> None:
    found = asked(target, "read", "b")
    assert found["read"].value["did"] == "read"
    assert found["b"].value["did"] == "b"


def test_a_call_that_hangs_is_killed_and_what_follows_was_not_tried(target: str) -> None:
    began = time.monotonic()
    found = asked(target, "a", "hang", "b", seconds=4)
    assert time.monotonic() - began < 8
    assert found["a"].in_time
    assert found["hang"].failure == found["b"].failure == TOO_SLOW
    assert found["hang"].tried
    assert not found["b"].tried


def test_a_file_of_the_working_folder_is_not_taken_for_a_library(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "json.py").write_text("raise SystemError('the wrong one')")
    monkeypatch.chdir(elsewhere)
    assert asked(target, "a")["a"].failure is None
