"""crossval, and compare with what it wrote, as a user types them."""

import json
from pathlib import Path

import polars as pl
import pytest

from support.command_shell import Shell
from support.two_class_cells import write_two_classes

pytestmark = pytest.mark.usefixtures("thin_network", "without_graph")

QUICK = ["--set", "epochs=1", "--set", "target_per_class=2", "--set", "batch_size=4"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_two_classes(tmp_path_factory.mktemp("cells"))


def test_crossval_writes_a_report_table_1_and_maps_and_goes_on(
    table: Path, tmp_path: Path, shell: Shell
) -> None:
    out = tmp_path / "cv"
    command = ["crossval", table, "--folds", 2, *QUICK, "--bootstrap", 10, "-o", out, "--json"]
    printed = shell(*command)
    summary = json.loads(printed.out)
    assert summary["cells"] == 12
    assert summary["trained"] == ["fold-0", "fold-1"]
    assert summary["strict"]["macro_f1"]["sd"] is not None
    for name in (
        "predictions.parquet",
        "table1.csv",
        "folds.png",
        "report/report.html",
        "fold-1/bundle/card.json",
    ):
        assert (out / name).is_file(), name
    printed = shell(*command)
    assert json.loads(printed.out)["trained"] == []
    # Compared with itself: the same cells, no difference.
    arguments = ["compare", f"one={out}", f"two={out / 'predictions.parquet'}", "--bootstrap", 100]
    printed = shell(*arguments, "-o", tmp_path / "cmp", "--json")
    assert json.loads(printed.out)["macro_f1"][0]["better"] == "undecided"
    assert "one is better than two (strict macro-F1): undecided" in printed.err
    assert (tmp_path / "cmp" / "compare.png").is_file()
    assert pl.read_csv(tmp_path / "cmp" / "recall.csv").height == 8
    printed = shell(*arguments, "--classes", "BLA", "-o", tmp_path / "cmp", status=1)
    assert "BLA has no cells here; choose from NGS LYT" in printed.err


@pytest.mark.usefixtures("blank_figures")
def test_crossval_leaves_each_laboratory_out_and_says_how_it_is_judged(
    table: Path, tmp_path: Path, shell: Shell
) -> None:
    rows = pl.read_parquet(table)
    labels = pl.Series("label", ["EOS", *rows["label"].to_list()[1:]])
    named = rows.with_columns(labels, pl.Series("laboratory", ["Munich", "Bonn"] * 6))
    named.write_parquet(tmp_path / "two.parquet")
    out = tmp_path / "cv"
    command = ["crossval", tmp_path / "two.parquet", "--leave-out", "laboratory", *QUICK]
    printed = shell(*command, "--bootstrap", 10, "-o", out, "--json")
    summary = json.loads(printed.out)
    assert summary["trained"] == ["without-Bonn", "without-Munich"]
    assert {name: one["cells"] for name, one in summary["laboratories"].items()} == {
        "Bonn": 6, "Munich": 5
    }  # fmt: skip
    said = "Laboratory Munich: EOS (1) left out of the judgement"
    assert any(line.startswith(said) for line in summary["warnings"])
    assert said in printed.err
    assert "laboratory Munich, 5 cells: macro_f1" in printed.err
    page = (out / "report/report.html").read_text("utf-8")
    assert said in page
    assert "leave-one-laboratory-out, seed 0" in page
    assert pl.read_csv(out / "report/laboratories.csv").height == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--holdout", "2"], "--holdout is 2.0"),
        (["--leave-out", "laboratory"], "the table names no laboratory; leaving one out needs two"),
        (["--leave-out", "site"], "--leave-out site: only a laboratory can be left out"),
        (
            ["--leave-out", "laboratory", "--holdout", "0.3"],
            "give one of --holdout and --leave-out",
        ),
        (
            ["--leave-out", "laboratory", "--folds", "3"],
            "give one of --folds and --leave-out",
        ),
        (["--folds", "1"], "--folds is 1"),
        (["--model", "nothing"], "--model nothing"),
    ],
)
def test_crossval_refuses_in_one_line(
    arguments: list[str], words: str, table: Path, tmp_path: Path, shell: Shell
) -> None:
    printed = shell("crossval", table, *QUICK, *arguments, "-o", tmp_path / "cv", status=1)
    assert words in printed.err


def test_compare_names_what_is_missing(table: Path, tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "run").mkdir()
    printed = shell("compare", tmp_path / "run", tmp_path / "run", "-o", tmp_path, status=1)
    assert "holds no predictions.parquet" in printed.err
