"""The suite keeps its own rules: tests stand alone, and a skip says why."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = sorted(TESTS.rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(TESTS))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_test_module_imports_another_one(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    last_parts = {module.split(".")[-1] for module in imported}
    assert not {part for part in last_parts if part.startswith("test_") or part == "conftest"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_skip_has_a_reason(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "xfail"):
            assert ast.unparse(node).startswith("pytest."), node.lineno
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        given = {keyword.arg for keyword in node.keywords}
        if ast.unparse(node.func) in (
            "pytest.mark.skip",
            "pytest.mark.skipif",
            "pytest.mark.xfail",
        ):
            assert "reason" in given, f"line {node.lineno}"
        elif ast.unparse(node.func) in ("pytest.skip", "pytest.xfail", "pytest.importorskip"):
            words = "reason" in given or (node.func.attr != "importorskip" and node.args)
            assert words, f"line {node.lineno}"


def test_there_is_one_conftest() -> None:
    assert [name(path) for path in MODULES if path.name == "conftest.py"] == ["conftest.py"]
