"""Nothing is reported over the network: OpenVINO and NNCF would, if they were imported plainly."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import marrowscope
from marrowscope.silent_import import REPORTING, REPORTS, import_silently

ROOT = Path(marrowscope.__file__).parent
# What makes a program count as one that nobody uses, and its libraries silent.
CI = ("CI", "TF_BUILD", "JENKINS_URL", "NNCF_CI", "NNCF_DEV")


def state_after(code: str, home: Path) -> set[str]:
    """Names of what a program leaves in the home folder of somebody who was never asked."""
    environment = {name: value for name, value in os.environ.items() if name not in CI}
    subprocess.run([sys.executable, "-c", code], check=True, env={**environment, "HOME": str(home)})
    return {path.name for path in home.rglob("*")} - {".cache"}


@pytest.mark.skipif(sys.platform == "win32", reason="the libraries keep their state elsewhere")
def test_computing_and_converting_report_nothing(tmp_path: Path) -> None:
    code = f"""
import sys
import numpy as np
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.models.bundle import load_bundle
from marrowscope.models.graph_conversion import graph_files
bundle = load_bundle("sequential-mll7")
engine, _ = choose_engine(bundle, "openvino")
engine.probabilities(np.zeros((1, 250, 250, 3), np.uint8))
graph_files(bundle.model, bundle.outputs)
assert not any(name.startswith({REPORTS!r}) for name in sys.modules)
"""
    assert state_after(code, tmp_path) == set()


@pytest.mark.parametrize("name", REPORTING)
def test_what_would_report_is_imported_in_one_place_only(name: str) -> None:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                named = [str(node.module)]
            assert not any(one.split(".")[0] == name for one in named), f"{path}:{node.lineno}"


def test_nothing_of_it_is_left_for_those_who_want_to_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asking.py").write_text(
        f"try:\n    import {REPORTS}\n    found = True\nexcept ImportError:\n    found = False\n"
    )
    (tmp_path / f"{REPORTS}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, REPORTS, raising=False)
    monkeypatch.delitem(sys.modules, "asking", raising=False)
    assert not import_silently("asking").found
    assert REPORTS not in sys.modules
