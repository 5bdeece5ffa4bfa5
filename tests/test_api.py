"""The package as it is imported: light, complete, and usable from a plain script."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import marrowscope as ms

HEAVY = ("numpy", "polars", "torch", "cv2", "openvino", "matplotlib", "PIL")

SCRIPT = """
import sys
from pathlib import Path

import marrowscope as ms
from marrowscope.phantom.synthetic_dataset import write_dataset
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_fields import write_fields

home = Path(sys.argv[1])
write_dataset(home / "cells", {"NGS": 3, "LYT": 3, "EOS": 3}, masks=False)
write_fields(home / "fields", 1, FieldSettings(width=1600, height=1200))
cells = ms.split(ms.index(home / "cells"), test=0.34)
model = ms.load_model(engine="openvino")
predictions = model.predict(cells)
result = ms.count(home / "fields", model, microns_per_pixel=0.08625, cells=5, min_confidence=0)
print(predictions.height, result.differential.tally.countable > 0)
"""


def python(arguments: list[str], given: str | None = None) -> "subprocess.CompletedProcess[str]":
    here = str(Path(ms.__file__).parents[1])
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_importing_the_package_imports_nothing_heavy() -> None:
    asked = f"import sys, marrowscope; print([n for n in {HEAVY} if n in sys.modules])"
    assert python(["-c", asked]).stdout.strip() == "[]"


def test_every_exported_name_can_be_had_and_is_listed() -> None:
    assert {name for name in ms.__all__ if not hasattr(ms, name)} == set()
    assert dir(ms) == sorted(ms.__all__)


def test_names_for_type_checkers_are_those_that_are_exported() -> None:
    tree = ast.parse(Path(ms.__file__).read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("marrowscope")
        for alias in node.names
    }
    assert imported == set(ms.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ms.nothing  # type: ignore[attr-defined]


def test_packages_are_not_hidden_by_functions() -> None:
    assert not {"explain", "reproduce"} & set(ms.__all__)


@pytest.mark.parametrize("way", ["file", "standard input"])
def test_a_script_needs_no_main_guard(way: str, tmp_path: Path) -> None:
    if way == "file":
        (tmp_path / "script.py").write_text(SCRIPT)
        done = python([str(tmp_path / "script.py"), str(tmp_path)])
    else:
        done = python(["-", str(tmp_path)], SCRIPT)
    assert (done.returncode, done.stdout.strip()) == (0, "9 True"), done.stderr[-2000:]
