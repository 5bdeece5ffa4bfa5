"""The commands of the core run where no library of an extra can be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
import pytest

from marrowscope.extras import EXTRAS

# What the extras bring, and what comes along with it.
REFUSED = [
    *sorted({module for extra in EXTRAS.values() for module in extra.modules}),
    "pandas", "pyarrow", "pytorch_lightning", "torchvision",
]  # fmt: skip
REFUSING = f"""
import importlib.machinery, sys
class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {REFUSED!r}:
            return None
        return super().find_spec(name, path, target)
sys.meta_path[:] = [Without if f is importlib.machinery.PathFinder else f for f in sys.meta_path]
"""
# One process runs one command after the other: words in, what it printed out.
COMMANDS = """
import contextlib, io, json
from marrowscope.cli import main
for line in sys.stdin:
    sys.argv, code = ["marrowscope", *json.loads(line)], None
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    print(json.dumps([code or 0, out.getvalue(), err.getvalue()]), flush=True)
"""


@dataclass(frozen=True)
class Printed:
    stdout: str
    stderr: str


Run = Callable[..., Printed]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("core")
    process = subprocess.Popen(
        [sys.executable, "-c", REFUSING + COMMANDS], cwd=folder, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "COLUMNS": "300"},
    )  # fmt: skip

    def call(*words: object, code: int = 0) -> Printed:
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018
        print(json.dumps([str(word) for word in words]), file=process.stdin, flush=True)
        ended, out, err = json.loads(process.stdout.readline())
        assert ended == code, f"{words}: {out}{err}"
        return Printed(out, err)

    call.folder = folder  # type: ignore[attr-defined]
    call("phantom", "cells", "-o", "cells", "--per-class", "2", "--no-masks")
    call("phantom", "fields", "-o", "fields", "-n", "1")
    call("index", "cells", "-o", "cells.parquet")
    call("split", "cells.parquet", "--test", "0.5", "-o", "split.parquet")
    call("predict", "split.parquet", "--uncalibrated", "-o", "predictions.parquet")
    yield call
    process.communicate()


def test_what_is_refused_cannot_be_imported() -> None:
    for name in ("torch", "sklearn.svm", "plotly"):
        done = subprocess.run(
            [sys.executable, "-c", f"{REFUSING}\nimport {name}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "ModuleNotFoundError" in done.stderr, name


def test_every_name_of_the_interface_can_be_had() -> None:
    asked = "import marrowscope as ms; print([n for n in ms.__all__ if not hasattr(ms, n)])"
    code = REFUSING + asked
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_cells_are_predicted_and_judged(run: Run) -> None:
    folder = run.folder  # type: ignore[attr-defined]
    table = pl.read_parquet(folder / "predictions.parquet")
    assert table.height == 42
    assert table["predicted"].null_count() == 0
    run("evaluate", "predictions.parquet", "-o", "report")
    assert (folder / "report/report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    "words",
    [
        ("check", "cells.parquet"),
        ("screen", "cells.parquet", "-o", "clean.parquet"),
        ("match-stain", "cells.parquet", "--reference", "cells.parquet", "-o", "matched"),
        ("model", "list", "--json"),
        ("doctor", "--json"),
    ],
    ids=lambda words: words[0],
)
def test_commands_about_data_and_models_run(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).stdout or words[0] in ("screen", "match-stain", "check")


def test_a_field_is_detected_and_counted_and_a_missing_pdf_is_said(run: Run) -> None:
    folder = run.folder  # type: ignore[attr-defined]
    fields = ("fields", "--microns-per-pixel", "0.08625")
    run("detect", *fields, "-o", "located.parquet")
    assert pl.read_parquet(folder / "located.parquet").height > 10
    counted = run("count", *fields, "-o", "count", "--json")
    (smear,) = json.loads(counted.stdout)["smears"]
    assert smear["located_cells"] > 10
    names = {path.name for path in (folder / "count").iterdir()}
    assert {"report.html", "count.json", "count.csv", "fhir.json"} <= names
    assert "report.pdf" not in names
    told = [line for line in counted.stderr.splitlines() if "pip install" in line]
    assert told == ["no PDF of the report without the extra pdf: pip install 'marrowscope[pdf]'"]
    refused = run("count", *fields, "-o", "other", "--pdf", code=1).stderr
    assert "report.pdf needs weasyprint: pip install 'marrowscope[pdf]'" in refused
    assert not (folder / "other").exists()


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("train", "split.parquet", "--model", "sequential", "-o", "run"), "train"),
        (("crossval", "cells.parquet", "--model", "sequential", "-o", "cv"), "train"),
        (("embed", "cells.parquet", "-o", "map"), "analysis"),
        (("model", "quantize", "sequential-mll7", "split.parquet", "-o", "q"), "int8"),
        (("predict", "cells.parquet", "--engine", "torch"), "train"),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else words,
)
def test_a_missing_extra_is_one_line_with_what_to_type(
    run: Run, words: tuple[str, ...], extra: str
) -> None:
    told = run(*words, code=1).stderr
    assert "Traceback" not in told
    assert told.splitlines()[-1].endswith(f"pip install 'marrowscope[{extra}]'")


def test_help_of_a_command_without_its_extra_is_shown(run: Run) -> None:
    assert "--recipe" in run("train", "--help").stdout
