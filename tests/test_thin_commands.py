"""Commands call the Python interface and nothing else of the package."""

import ast
from pathlib import Path

import pytest

from marrowscope import cli

FOLDER = Path(cli.__file__).parent
COMMANDS = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("__"))

# What every command line needs: words, errors, extras, JSON, and the name of the default model.
COMMON = {
    "marrowscope",
    "marrowscope._about",
    "marrowscope.errors",
    "marrowscope.extras",
    "marrowscope.io.json_data",
    "marrowscope.models",
    "marrowscope.progress",
}
# What one module needs beside it, and why.
OWN = {
    # Whether the table can have this name, before a model is loaded; kinds of notes, for JSON.
    "predict_command": {"marrowscope.cells"},
    # The former form COMMAND BUNDLE IMAGE, which goes with the next release.
    "model_argument": {"marrowscope.models.bundle"},
}


def imported(path: Path) -> set[str]:
    """Modules of the package that run, not those for type checkers."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    return {name for name in modules if name.partition(".")[0] == "marrowscope"}


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_a_command_imports_the_interface_alone(path: Path) -> None:
    allowed = COMMON | OWN.get(path.stem, set())
    others = {one for one in imported(path) - allowed if not one.startswith("marrowscope.cli")}
    assert not others


@pytest.mark.parametrize("name", sorted(OWN))
def test_an_exception_is_needed(name: str) -> None:
    assert OWN[name] <= imported(FOLDER / f"{name}.py")
