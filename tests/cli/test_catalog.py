"""The list of commands says what the commands say, and asking for help imports nothing heavy."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from marrowscope.cli.catalog import COMMANDS, Entry
from marrowscope.cli.lazy_group import load_command


def leaves(entries: tuple[Entry, ...] = COMMANDS, before: str = "") -> Iterator[tuple[str, Entry]]:
    """Every command that can be called, with the words that call it."""
    for entry in entries:
        if entry.commands:
            yield from leaves(entry.commands, f"{before}{entry.name} ")
        else:
            yield before + entry.name, entry


ENTRIES = dict(leaves())


def function_of(entry: Entry) -> Any:
    module, _, name = entry.target.partition(":")
    return getattr(import_module(f"marrowscope.cli.{module}"), name)


@pytest.mark.parametrize("words", ENTRIES)
def test_the_line_of_a_command_is_the_first_of_its_docstring(words: str) -> None:
    text = inspect.getdoc(function_of(ENTRIES[words])) or ""
    assert " ".join(text.partition("\n\n")[0].split()) == ENTRIES[words].summary


@pytest.mark.parametrize("words", ENTRIES)
def test_every_command_has_an_example_and_a_summary_for_machines(words: str) -> None:
    command = load_command(ENTRIES[words])
    assert f"marrowscope {words}" in command.help.split("Example", 1)[1]
    assert "--json" in {name for option in command.params for name in option.opts}


def test_every_command_has_a_panel() -> None:
    assert all(entry.panel for entry in COMMANDS)


def test_help_of_all_commands_imports_no_library_that_computes() -> None:
    code = (
        "import sys\n"
        "from marrowscope.cli.app import app\n"
        "from marrowscope.cli.catalog import COMMANDS\n"
        "from marrowscope.cli.lazy_group import load_command\n"
        "def load(entries):\n"
        "    for entry in entries:\n"
        "        load(entry.commands) if entry.commands else load_command(entry)\n"
        "load(COMMANDS)\n"
        "heavy = {'numpy', 'polars', 'torch', 'cv2', 'PIL', 'yaml', 'scipy', 'openvino'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
