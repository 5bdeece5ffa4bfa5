"""Lines that C code writes on standard error, seen from below Python."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from marrowscope.io.native_stderr import capture_native_stderr

PATTERN = re.compile(rb"Corrupt")


def write(text: str) -> None:
    os.write(2, text.encode())


def test_fitting_lines_are_caught_and_others_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with capture_native_stderr(PATTERN) as lines:
        write("Corrupt data: 7 bytes\n")
        write("somebody else's line\n")
    write("after\n")
    assert lines == ["Corrupt data: 7 bytes"]
    assert capfd.readouterr().err == "somebody else's line\nafter\n"


def test_nothing_is_left_over_for_the_next(capfd: pytest.CaptureFixture[str]) -> None:
    with capture_native_stderr(PATTERN):
        write("Corrupt one\n")
    with capture_native_stderr(PATTERN) as lines:
        pass
    assert lines == []
    assert capfd.readouterr().err == ""


def test_an_exception_inside_puts_standard_error_back(capfd: pytest.CaptureFixture[str]) -> None:
    found: list[list[str]] = []

    def fail() -> None:
        with capture_native_stderr(PATTERN) as lines:
            found.append(lines)
            write("Corrupt\n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    write("visible\n")
    assert found == [["Corrupt"]]
    assert capfd.readouterr().err == "visible\n"


def test_threads_get_their_own_lines_only(capfd: pytest.CaptureFixture[str]) -> None:
    def complain(number: int) -> list[str]:
        with capture_native_stderr(PATTERN) as lines:
            write(f"Corrupt {number}\n")
        return lines

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(complain, range(200)))
    assert found == [[f"Corrupt {number}"] for number in range(200)]
    assert capfd.readouterr().err == ""


def test_a_closed_standard_error_does_no_harm() -> None:
    program = (
        "import os, re\nos.close(2)\n"
        "from marrowscope.io.native_stderr import capture_native_stderr\n"
        "with capture_native_stderr(re.compile(b'x')) as lines:\n    pass\nprint(lines)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_in_the_middle_can_catch_too() -> None:
    program = (
        "import os, re\nfrom marrowscope.io.native_stderr import capture_native_stderr\n"
        "with capture_native_stderr(re.compile(b'x')):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        with capture_native_stderr(re.compile(b'x')) as lines:\n"
        "            os.write(2, b'x\\n')\n"
        "        os._exit(0 if lines == ['x'] else 1)\n"
        "    print(os.waitpid(child, 0)[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20
    )
    assert done.stdout == "0\n"
