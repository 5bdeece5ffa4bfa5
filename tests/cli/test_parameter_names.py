"""Errors name arguments for Python and options for the command line, from one and the same text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import marrowscope as ms
from marrowscope.cli.catalog import COMMANDS, Entry
from marrowscope.cli.lazy_group import load_command
from marrowscope.cli.parameter_names import running, with_options
from support.command_shell import Shell

ROOT = Path(ms.__file__).parent
# A whole command, or one of another program, may hold an option.
COMMAND = re.compile(r"(marrowscope|pip install) [^']*--|pip install --")


def entries() -> list[Entry]:
    groups = [entry.commands or (entry,) for entry in COMMANDS]
    return [entry for group in groups for entry in group]


def command(name: str) -> object:
    return load_command(next(entry for entry in entries() if entry.name == name))


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("count", "give `microns_per_pixel` (0.09)", "give --microns-per-pixel (0.09)"),
        ("train", "continue with `resume=True`", "continue with --resume"),
        ("train", "`changes` lr: unknown", "--set lr: unknown"),
        ("train", "`share` 7: give", "--labels-share 7: give"),
        ("train", "only for `model=vit`", "only for --model vit"),
        ("count", "leave it out with `pdf=False`", "leave it out with --no-pdf"),
        ("split", "give one of `folds` and `by_list`", "give one of --folds and --list"),
        ("pack", "`cells`: has no rows", "CELLS: has no rows"),
        ("reproduce", "`model` vat: choose one of", "--models vat: choose one of"),
        ("pack", "`microns_per_pixel` is 0", "microns_per_pixel is 0"),
        ("pack", "load it with `calibrated=True`", "load it with calibrated=True"),
    ],
)
def test_arguments_become_options_of_the_command_that_runs(
    name: str, text: str, shown: str
) -> None:
    with running(command(name).params):  # type: ignore[attr-defined]
        assert with_options(text) == shown
    assert with_options(text) == text


def test_an_error_of_a_command_is_raised_in_its_words() -> None:
    parameters = command("count").params  # type: ignore[attr-defined]
    with pytest.raises(ms.InputError, match=r"^--cells is 0$"), running(parameters):
        raise ms.InputError("`cells` is 0")


def test_both_ways_to_call_show_their_own_names(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "cells.txt"
    with pytest.raises(ms.InputError, match=r"^`output` .*cells\.txt: give it the suffix"):
        ms.index(tmp_path, table)
    assert (
        f"--output {table}: give it the suffix"
        in shell("index", tmp_path, "-o", table, status=1)[1]
    )


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Texts of a module but docstrings, by line; {} stands for what is filled in."""
    tree = ast.parse(path.read_text())
    told = [
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    ]
    parts = [
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    ]
    for node in ast.walk(tree):
        if node in told or node in parts:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                ),
            )


def library() -> list[Path]:
    """All modules but those of commands, and of ``doctor``, whose advice is what to type."""
    return [path for path in ROOT.rglob("*.py") if path.parent.name not in ("cli", "doctor")]


def test_the_library_names_no_option() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in library()
        for line, text in messages(path)
        if re.search(r"(^|[^-\w])--[a-z]", text) and not COMMAND.search(text)
    ]
    assert not wrong


def named_arguments() -> set[str]:
    """Every argument that a message of the library puts into backticks.

    In answers of the review server these are names of its HTTP interface.
    """
    functions = [path for path in library() if "review" not in path.parts]
    texts = [text for path in functions for _, text in messages(path)]
    return {name for text in texts for name in re.findall(r"`(\w+)(?:=[^`]+|\[\{\}\])?`", text)}


def test_a_message_names_arguments_that_a_function_or_command_has() -> None:
    """A name in backticks that nothing has would reach users of the command line as it is."""
    known = {one.name for entry in entries() for one in load_command(entry).params}
    only_in_python = {
        "calibrated",
        "X",
        "features",
        "object_type",
        "classes_from",
        "truth",
        "images",
        "sources",
        "width",
        "height",
        "size",
    }
    unknown = named_arguments() - known - only_in_python
    assert not unknown
