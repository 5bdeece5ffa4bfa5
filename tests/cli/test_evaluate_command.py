"""Command evaluate: parts, truth from elsewhere, names that would break a terminal."""

import json
from pathlib import Path

import polars as pl
import pytest

from support.command_shell import Shell
from support.predictions import predictions


@pytest.fixture
def table() -> pl.DataFrame:
    parts = pl.Series("split", ["train"] * 60 + ["test"] * 40)
    return predictions(100, codes=("BLA", "PMO", "LYT")).with_columns(parts)


def test_only_the_cells_of_a_split_are_scored(
    shell: Shell, table: pl.DataFrame, tmp_path: Path
) -> None:
    table.write_parquet(tmp_path / "p.parquet")
    options = ["-o", tmp_path / "r", "--bootstrap", 20]
    out, err = shell("evaluate", tmp_path / "p.parquet", *options, "--split", "test", "--json")
    assert json.loads(out)["cells"] == 40
    assert "flatter" not in err
    _, err = shell("evaluate", tmp_path / "p.parquet", *options)
    assert "flatter" in err
    _, err = shell("evaluate", tmp_path / "p.parquet", *options, "--split", "dev", status=1)
    assert "--split dev" in err
    assert "test, train" in err
    table.drop("split").write_parquet(tmp_path / "p.parquet")
    _, err = shell("evaluate", tmp_path / "p.parquet", *options, "--split", "test", status=1)
    assert "no column split" in err


def test_truth_brings_what_the_report_has_to_say(
    shell: Shell, table: pl.DataFrame, tmp_path: Path
) -> None:
    table.drop("label", "split").write_csv(tmp_path / "p.csv")
    _, err = shell("evaluate", tmp_path / "p.csv", "-o", tmp_path / "r", status=1)
    assert "--truth" in err
    truth = table.select("cell_id", "path", "label").with_columns(
        pl.lit("synthetic").alias("annotator")
    )
    truth.write_parquet(tmp_path / "t.parquet")
    shell("evaluate", tmp_path / "p.csv", "--truth", tmp_path / "t.parquet",
          "-o", tmp_path / "r", "--bootstrap", 20)  # fmt: skip
    assert "Synthetic cells" in (tmp_path / "r/report.html").read_text()
    other = truth.with_columns(pl.lit("elsewhere").alias("path"), pl.lit("x").alias("cell_id"))
    other.write_parquet(tmp_path / "t.parquet")
    _, err = shell("evaluate", tmp_path / "p.csv", "--truth", tmp_path / "t.parquet",
                   "-o", tmp_path / "r", status=1)  # fmt: skip
    assert "t.parquet: shares neither" in err


def test_pairs_of_ones_own_replace_the_studys(
    shell: Shell, table: pl.DataFrame, tmp_path: Path
) -> None:
    table.write_parquet(tmp_path / "p.parquet")
    (tmp_path / "pairs.yaml").write_text("[]")
    out, _ = shell("evaluate", tmp_path / "p.parquet", "-o", tmp_path / "r", "--json",
                   "--tolerated", tmp_path / "pairs.yaml", "--bootstrap", 20)  # fmt: skip
    scores = json.loads(out)
    assert scores["tolerant"] == scores["strict"]


@pytest.mark.parametrize("name", ["[/red]", "[link=file:///x]", "\x1b[2J"])
def test_class_names_neither_style_nor_steer_the_terminal(
    name: str, shell: Shell, table: pl.DataFrame, tmp_path: Path
) -> None:
    table = table.with_columns(pl.col("label").replace({"LYT": name}))
    table.write_parquet(tmp_path / "p.parquet")
    _, err = shell("evaluate", tmp_path / "p.parquet", "-o", tmp_path / "r", "--bootstrap", 20)
    assert name.replace("\x1b", "·") in err
    assert "\x1b" not in err


def test_a_run_folder_is_not_replaced_by_its_report(
    shell: Shell, table: pl.DataFrame, tmp_path: Path
) -> None:
    table.write_parquet(tmp_path / "p.parquet")
    _, err = shell("evaluate", tmp_path / "p.parquet", "-o", tmp_path, status=1)
    assert "name a new folder" in err
    assert (tmp_path / "p.parquet").exists()


def test_a_negative_seed_is_wrong_usage(shell: Shell, tmp_path: Path) -> None:
    shell("evaluate", tmp_path / "p.parquet", "-o", tmp_path / "r", "--seed", -1, status=2)


def test_several_tables_are_the_folds_of_a_cross_validation(
    shell: Shell, table: pl.DataFrame, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{fold}.parquet" for fold in range(2)]
    for fold, path in enumerate(paths):
        table[fold * 50 : fold * 50 + 50].write_parquet(path)
    out, err = shell("evaluate", *paths, "-o", tmp_path / "r", "--bootstrap", 20, "--json")
    summary = json.loads(out)
    right = (table["label"] == table["predicted"]).to_list()
    shares = [sum(right[:50]) / 50, sum(right[50:]) / 50]
    accuracy = summary["folds"]["strict"]["accuracy"]
    assert summary["folds"]["cells"] == [50, 50]
    assert accuracy["mean"] == pytest.approx(sum(shares) / 2)
    assert accuracy["sd"] == pytest.approx(abs(shares[0] - shares[1]) / 2**0.5)
    assert f"over 2 folds {accuracy['mean']:.3f} ± {accuracy['sd']:.3f}" in err
    (tmp_path / "no.csv").write_text("cell_id,path\na,b\n")
    _, err = shell("evaluate", *paths, tmp_path / "no.csv", "-o", tmp_path / "r", status=1)
    assert "no.csv: has no column predicted" in err
    out, _ = shell("evaluate", paths[0], "-o", tmp_path / "r", "--bootstrap", 20, "--json")
    assert json.loads(out)["folds"] is None


@pytest.mark.usefixtures("blank_figures")
def test_scores_of_each_laboratory_are_printed(
    shell: Shell, table: pl.DataFrame, tmp_path: Path
) -> None:
    named = table.with_columns(pl.Series("laboratory", ["Munich", "Bonn"] * 50))
    named.write_parquet(tmp_path / "p.parquet")
    options = ["-o", tmp_path / "r", "--bootstrap", 20]
    out, err = shell("evaluate", tmp_path / "p.parquet", *options, "--json")
    found = json.loads(out)["laboratories"]
    assert {name: one["cells"] for name, one in found.items()} == {"Bonn": 50, "Munich": 50}
    assert f"laboratory Bonn, 50 cells: macro_f1 {found['Bonn']['strict']['macro_f1']:.3f} (" in err
    table.write_parquet(tmp_path / "p.parquet")
    out, err = shell("evaluate", tmp_path / "p.parquet", *options, "--json")
    assert "laboratories" not in json.loads(out)
    assert "laborator" not in err.replace(str(tmp_path), "")
