"""The commands as a user types them: the whole way, exit codes, one-line errors."""

import json
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from marrowscope.cells import read_cells
from marrowscope.cli.app import emit_json
from marrowscope.phantom.synthetic_dataset import write_dataset
from support.command_shell import Shell


def test_python_m_does_the_same(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["marrowscope", "model", "list", "--json"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("marrowscope", run_name="__main__")
    assert not caught.value.code
    assert "sequential-mll7" in capfd.readouterr().out


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "set"
    write_dataset(folder, per_class=3, masks=False, patients=3)
    return folder


def test_the_whole_way_from_images_to_report(shell: Shell, phantom: Path, tmp_path: Path) -> None:
    cells, split, run = tmp_path / "cells.parquet", tmp_path / "split.parquet", tmp_path / "run"
    out, _ = shell("index", phantom, "-o", cells, "--json")
    assert json.loads(out)["usable"] == 63
    out, err = shell("check", cells, "--json")
    summary = json.loads(out)
    assert summary["classes"]["BLA"] == {
        "images": 3,
        "published": 11973,
        "remark": "11970 fewer than published",
    }
    assert "promyelocyte" in err
    out, err = shell("split", cells, "--test", 0.34, "-o", split, "--json")
    assert sum(part["test"] for part in json.loads(out)["counts"].values()) == 21
    assert "No patient or slide ids" in err
    quick = ["--set", "target_per_class=1", "--set", "batch_size=7", "--epochs", 1]
    shell("train", split, "-o", run, *quick)
    out, err = shell(
        "evaluate",
        run / "predictions.parquet",
        "--model",
        run / "bundle",
        "-o",
        tmp_path / "report",
        "--bootstrap",
        50,
        "--json",
    )
    assert json.loads(out)["cells"] == 21
    page = (tmp_path / "report" / "report.html").read_text()
    assert "No patient or slide ids" in page
    assert "hold-out 0.34, seed 0, by image" in page
    predictions = tmp_path / "p.csv"
    out, _ = shell(
        "predict", phantom / "LYT", "--model", run / "bundle", "-o", predictions, "--json"
    )
    assert json.loads(out)["rows"] == 3
    table = read_cells(predictions)
    assert table.columns[:2] == ["cell_id", "path"]
    assert sum(name.startswith("p_") for name in table.columns) == 21


@pytest.mark.parametrize(
    "words",
    [
        ("index",),
        ("split", "--test", "0.2"),
        ("screen",),
        ("detect",),
        ("predict", "--model", "BUNDLE"),
    ],
)
def test_a_table_of_unknown_kind_is_refused_before_the_work_and_replaces_nothing(
    shell: Shell, phantom: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Such as an image, when -o stands before the wrong name."""
    picture = tmp_path / "p.jpg"
    picture.write_bytes(b"precious")
    _, err = shell(*words, phantom / "cells.parquet", "-o", picture, status=1)
    assert f"--output {picture}: give it the suffix .parquet or .csv" in err
    assert picture.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [picture]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["index", "/nowhere/at/all", "-o", "x.parquet"], "/nowhere/at/all"),
        (["check", "/nowhere/x.parquet"], "no such file"),
        (["split", "/nowhere/x.parquet", "--test", "0.2", "-o", "y.parquet"], "no such file"),
        (["train", "/nowhere/x.parquet", "-o", "run"], "no such file"),
        (["predict", "x.png", "--model", "no-such-model", "-o", "p.csv"], "no-such-model"),
        (["evaluate", "/nowhere/x.parquet", "-o", "r"], "no such file"),
        (["demo", "--data", "/nowhere", "-o", "d"], "/nowhere"),
    ],
)
def test_wrong_input_is_one_line_and_exit_1(
    shell: Shell, arguments: list[str], named: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out, err = shell(*arguments, status=1)
    assert named in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["split", "x.parquet", "-o", "y.parquet"],
        ["split", "x.parquet", "--test", "0.2", "--folds", "5", "-o", "y.parquet"],
        ["index"],
        ["nonsense"],
        ["phantom", "cells", "-o", "x", "--per-class", "0"],
    ],
)
def test_wrong_usage_is_exit_2(shell: Shell, arguments: list[str], tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"")
    shell(*arguments, status=2)


@pytest.mark.parametrize("command", ["index", "predict", "model quantize", "phantom fields"])
def test_help_shows_an_example(shell: Shell, command: str) -> None:
    out, _ = shell(*command.split(), "--help")
    assert f"marrowscope {command}" in out.split("Example", 1)[1]
    assert "--json" in out


def test_damaged_files_are_named_and_do_not_stop_the_index(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "BLA").mkdir()
    (tmp_path / "BLA/text.jpg").write_text("hello")
    cv2.imwrite(str(tmp_path / "BLA/good.png"), np.zeros((9, 9, 3), np.uint8))
    out, err = shell("index", tmp_path, "-o", tmp_path / "cells.parquet", "--json")
    summary = json.loads(out)
    assert summary["usable"] == 1
    assert [Path(bad["path"]).name for bad in summary["bad"]] == ["text.jpg"]
    assert "text.jpg: not a JPEG" in err


def test_numbers_that_are_none_are_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": (float("-inf"),)}})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "a": None, "b": [1.5, None], "c": {"d": [None]},
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "SIGTERM",
        pytest.param(
            "SIGHUP",
            marks=pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP"),
        ),
    ],
)
def test_a_command_that_is_ended_leaves_no_half_written_folder(name: str, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from marrowscope.cli import app\n"
        "from marrowscope.io.atomic import replacing_folder\n"
        "def command(**_):\n"
        "    with replacing_folder(Path(sys.argv[1])) as place:\n"
        "        (place / 'report.html').touch()\n"
        f"        os.kill(os.getpid(), signal.{name})\n"
        "app.app = command\n"
        "app.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "report"], check=False)
    assert done.returncode == 128 + getattr(signal, name)
    assert list(tmp_path.iterdir()) == []
