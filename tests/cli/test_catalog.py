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
from marrowscope.models import DEFAULT_MODEL
from marrowscope.models.bundle import available


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


def options_named(name: str) -> dict[str, Any]:
    """The option of this name in every command that has it."""
    return {
        words: option
        for words, entry in ENTRIES.items()
        for option in load_command(entry).params
        if name in option.opts
    }


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("--model", {"predict", "count", "explain", "embed"}),
        ("--engine", {"predict", "count"}),
        ("--device", {"predict", "count", "train", "crossval", "pretrain", "reproduce"}),
        ("--microns-per-pixel", {"predict", "count", "detect", "evaluate"}),
        ("--json", set(ENTRIES)),
    ],
)
def test_an_option_is_the_same_in_every_command(name: str, commands: set[str]) -> None:
    found = options_named(name)
    assert commands <= set(found)
    assert len({(found[words].help, found[words].default) for words in commands}) == 1


def test_the_default_model_that_help_shows_is_the_one_that_is_used() -> None:
    option = options_named("--model")["predict"]
    assert (option.default, option.show_default) == (None, DEFAULT_MODEL)
    assert DEFAULT_MODEL in {card.name for card in available()}
