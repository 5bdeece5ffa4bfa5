"""The command line in this process: arguments in, what it prints out."""

import io
import sys
from typing import NamedTuple

import pytest

from marrowscope.cli import main


class Printed(NamedTuple):
    """What a command wrote."""

    out: str
    err: str


class Shell:
    """Runs a command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = monkeypatch, capfd
        monkeypatch.setenv("COLUMNS", "300")

    def __call__(self, *arguments: object, status: int = 0, stdin: str = "") -> Printed:
        """Standard output and error of a command that has to end with ``status``."""
        self._patch.setattr(sys, "argv", ["marrowscope", *map(str, arguments)])
        self._patch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as caught:
            main()
        printed = self._capture.readouterr()
        assert int(caught.value.code or 0) == status, printed.err
        return Printed(printed.out, printed.err)
