"""evaluate --external: a set with the classes of another laboratory."""

import json
from pathlib import Path

import polars as pl
import pytest

from support.command_shell import Shell
from support.two_class_cells import write_other_laboratory, write_two_classes


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_two_classes(tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_other_laboratory(tmp_path_factory.mktemp("external"))


def test_evaluate_external_judges_by_class_and_lineage_and_reports_the_shift(
    table: Path, external: Path, tmp_path: Path, shell: Shell
) -> None:
    command = ["evaluate", external / "predictions.csv", "--external", external / "map.yaml"]
    out = tmp_path / "report"
    printed = shell(*command, "--reference", table, "-o", out, "--json")
    summary = json.loads(printed.out)
    assert (summary["no_calls"]["right"], summary["agreement"]["right"]) == (2, 10)
    measures = {entry["name"]: entry["difference"] for entry in summary["shift"]["measures"]}
    assert measures["light"] < -1
    for name in (
        "external.png",
        "external_confusion.csv",
        "external_classes.csv",
        "shift.png",
        "shift.csv",
        "external.json",
    ):
        assert (out / name).is_file(), name
    page = (out / "report.html").read_text()
    assert "lymphoid cell" in page
    assert page.count("data:image/png;base64,") == 2
    assert "Research use only" in page
    named = pl.read_csv(external / "predictions.csv").with_columns(
        pl.Series("laboratory", ["Bonn", "Ulm"] * 6)
    )
    named.write_csv(tmp_path / "named.csv")
    printed = shell("evaluate", tmp_path / "named.csv", *command[2:], "-o", out, "--json")
    assert json.loads(printed.out)["laboratories"]["Bonn"]["no_calls"]["cells"] == 6
    assert "laboratory Ulm, 6 cells: no call" in printed.err
    (tmp_path / "short.yaml").write_text("neutrophil: [NGS]\n")
    command[3] = tmp_path / "short.yaml"
    printed = shell(*command, "-o", out, status=1)
    assert "does not map 'lymphoid cell'" in printed.err


def test_options_of_external_alone_are_refused(
    external: Path, table: Path, tmp_path: Path, shell: Shell
) -> None:
    command = ["evaluate", external / "predictions.csv", "--reference", table, "-o", tmp_path]
    printed = shell(*command, status=1)
    assert "--reference: works only with --external" in printed.err
