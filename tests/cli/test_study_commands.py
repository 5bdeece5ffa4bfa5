"""crossval, compare, evaluate --external and match-stain, as a user types them."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.cli import main
from marrowscope.io.image_encoding import encode_png
from marrowscope.phantom.synthetic_cell import draw_cell

pytestmark = pytest.mark.usefixtures("thin_network", "without_graph")

QUICK = ["--set", "epochs=1", "--set", "target_per_class=2", "--set", "batch_size=4"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["marrowscope", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cells")
    rows = []
    for code in ("LYT", "NGS"):
        for seed in range(6):
            path = folder / f"{code}{seed}.png"
            path.write_bytes(encode_png(draw_cell(code, seed, 100).image))
            rows.append((f"{code}{seed}", str(path), code))
    pl.DataFrame(rows, schema=["cell_id", "path", "label"], orient="row").write_parquet(
        folder / "cells.parquet"
    )
    return folder / "cells.parquet"


def test_crossval_writes_a_report_table_1_and_maps_and_goes_on(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cv"
    command = ["crossval", table, "--folds", 2, *QUICK, "--bootstrap", 10, "-o", out, "--json"]
    assert run(monkeypatch, *command) == 0
    summary = json.loads(capfd.readouterr().out)
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
    assert run(monkeypatch, *command) == 0
    assert json.loads(capfd.readouterr().out)["trained"] == []
    # Compared with itself: the same cells, no difference.
    arguments = ["compare", f"one={out}", f"two={out / 'predictions.parquet'}", "--bootstrap", 100]
    assert run(monkeypatch, *arguments, "-o", tmp_path / "cmp", "--json") == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out)["macro_f1"][0]["better"] == "undecided"
    assert "one is better than two (strict macro-F1): undecided" in printed.err
    assert (tmp_path / "cmp" / "compare.png").is_file()
    assert pl.read_csv(tmp_path / "cmp" / "recall.csv").height == 8
    assert run(monkeypatch, *arguments, "--classes", "BLA", "-o", tmp_path / "cmp") == 1
    assert "BLA has no cells here; choose from NGS LYT" in capfd.readouterr().err


@pytest.mark.usefixtures("blank_figures")
def test_crossval_leaves_each_laboratory_out_and_says_how_it_is_judged(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = pl.read_parquet(table)
    labels = pl.Series("label", ["EOS", *rows["label"].to_list()[1:]])
    named = rows.with_columns(labels, pl.Series("laboratory", ["Munich", "Bonn"] * 6))
    named.write_parquet(tmp_path / "two.parquet")
    out = tmp_path / "cv"
    command = ["crossval", tmp_path / "two.parquet", "--leave-out", "laboratory", *QUICK]
    assert run(monkeypatch, *command, "--bootstrap", 10, "-o", out, "--json") == 0
    printed = capfd.readouterr()
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
            "give one of --leave-out and --holdout",
        ),
        (["--folds", "1"], "--folds is 1"),
        (["--model", "nothing"], "--model nothing"),
    ],
)
def test_crossval_refuses_in_one_line(
    arguments: list[str],
    words: str,
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "crossval", table, *QUICK, *arguments, "-o", tmp_path / "cv") == 1
    assert words in capfd.readouterr().err


def test_compare_names_what_is_missing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    assert run(monkeypatch, "compare", tmp_path / "run", tmp_path / "run", "-o", tmp_path) == 1
    assert "holds no predictions.parquet" in capfd.readouterr().err


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other light, other scale, other names."""
    folder = tmp_path_factory.mktemp("external")
    rows = []
    for code, name in (("LYT", "lymphoid cell"), ("NGS", "neutrophil")):
        for seed in range(6):
            path = folder / f"{code}{seed}.png"
            image = draw_cell(code, 50 + seed, 80).image * np.array([0.8, 0.7, 0.85])
            path.write_bytes(encode_png(image.astype(np.uint8)))
            rows.append((str(path), name, code if seed else "ART"))
    listed = pl.DataFrame(rows, schema=["path", "label", "predicted"], orient="row")
    listed.drop("predicted").write_csv(folder / "list.csv")
    listed.with_row_index("cell_id").write_csv(folder / "predictions.csv")
    (folder / "map.yaml").write_text("lymphoid cell: [LYT, LYI]\nneutrophil: [NGS]\n")
    return folder


def test_evaluate_external_judges_by_class_and_lineage_and_reports_the_shift(
    table: Path,
    external: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = ["evaluate", external / "predictions.csv", "--external", external / "map.yaml"]
    out = tmp_path / "report"
    assert run(monkeypatch, *command, "--reference", table, "-o", out, "--json") == 0
    summary = json.loads(capfd.readouterr().out)
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
    (tmp_path / "short.yaml").write_text("neutrophil: [NGS]\n")
    command[3] = tmp_path / "short.yaml"
    assert run(monkeypatch, *command, "-o", out) == 1
    assert "does not map 'lymphoid cell'" in capfd.readouterr().err


def test_options_of_external_alone_are_refused(
    external: Path,
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = ["evaluate", external / "predictions.csv", "--reference", table, "-o", tmp_path]
    assert run(monkeypatch, *command) == 1
    assert "--reference: works only with --external" in capfd.readouterr().err


def test_match_stain_brings_the_light_of_the_training_data(
    table: Path,
    external: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "matched"
    command = ["match-stain", external / "list.csv", "--reference", table, "-o", out]
    assert run(monkeypatch, *command, "--json") == 0
    assert json.loads(capfd.readouterr().out)["images"] == 12
    rows = pl.read_parquet(out / "cells.parquet")
    assert set(rows["label"]) == {"lymphoid cell", "neutrophil"}
    assert all(Path(path).is_file() for path in rows["path"])
    assert run(monkeypatch, *command) == 1
    assert "not empty" in capfd.readouterr().err
    assert run(monkeypatch, *command[:-1], tmp_path / "b", "--reference", tmp_path / "x.csv") == 1
    assert "x.csv: no such file" in capfd.readouterr().err
