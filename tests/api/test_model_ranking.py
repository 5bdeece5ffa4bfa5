"""Models are compared from memory as from folders and files; a result has tables and words."""

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import marrowscope as ms
from support.predictions import predictions

CODES = ("BLA", "LYT", "NGS")


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    weak = predictions(60, codes=CODES)
    fold = pl.Series("fold", [number % 3 for number in range(weak.height)])
    strong = weak.with_columns(predicted=pl.col("label"))
    return {"strong": strong.with_columns(fold), "weak": weak.with_columns(fold)}


@pytest.fixture(scope="module")
def result(tables: dict[str, pl.DataFrame]) -> ms.ComparisonResult:
    return ms.compare(tables, resamples=100)


def test_a_perfect_model_recalls_all_and_is_better(result: ms.ComparisonResult) -> None:
    strong = result.table.filter(pl.col("model") == "strong")
    assert strong["mean"].to_list() == [1.0] * (2 * len(CODES))
    assert result.sentences[0].startswith("strong is better than weak")
    assert result.warnings == ()


def test_paths_give_what_tables_give(
    tables: dict[str, pl.DataFrame], result: ms.ComparisonResult, tmp_path: Path
) -> None:
    ms.write_cells(tables["weak"], tmp_path / "weak.parquet")
    (tmp_path / "strong").mkdir()
    ms.write_cells(tables["strong"], tmp_path / "strong" / "predictions.parquet")
    strong, weak = tmp_path / "strong", tmp_path / "weak.parquet"
    for given in ([strong, weak], {"strong": strong, "weak": tables["weak"]}):
        assert_frame_equal(ms.compare(given, resamples=100).table, result.table)
    named = ms.compare([f"a={strong}", f"b={weak}"], resamples=100)
    assert named.comparison.models == ("a", "b")
    with pytest.raises(ms.InputError, match="already a model a; write NAME="):
        ms.compare([f"a={strong}", f"a={weak}"])


def test_it_is_saved_as_figure_tables_and_data(result: ms.ComparisonResult, tmp_path: Path) -> None:
    assert result.save(tmp_path).read_bytes().startswith(b"\x89PNG")
    assert pl.read_csv(tmp_path / "recall.csv").height == result.table.height
    assert json.loads((tmp_path / "compare.json").read_text())["models"] == ["strong", "weak"]


def test_classes_without_cells_are_refused_by_their_argument(
    tables: dict[str, pl.DataFrame],
) -> None:
    with pytest.raises(ms.InputError, match=r"`classes` BLA,EOS: EOS has no cells here; choose"):
        ms.compare(tables, classes="BLA,EOS", resamples=100)
    assert ms.compare(tables, classes=["LYT"], resamples=100).classes == ("LYT",)


def test_without_folds_it_says_what_is_not_tested(tables: dict[str, pl.DataFrame]) -> None:
    bare = {name: table.drop("fold") for name, table in tables.items()}
    found = ms.compare(bare, resamples=100)
    assert "not chance in the training" in found.warnings[0]
    assert found.warnings[0] in found._repr_html_()


@pytest.mark.usefixtures("blank_figures")
def test_scores_by_laboratory_are_said_and_saved(
    tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    owners = pl.Series("laboratory", ["Munich", "Bonn"] * 30)
    named = {name: one.with_columns(owners) for name, one in tables.items()}
    made = ms.compare(named, resamples=100)
    assert made.sentences[-1].startswith(
        "Laboratory Munich, 30 cells, strict macro-F1: strong 1.000, weak "
    )
    made.save(tmp_path / "two")
    assert pl.read_csv(tmp_path / "two/laboratories.csv").height == 8
    kept = json.loads((tmp_path / "two/compare.json").read_text("utf-8"))["laboratories"]
    assert kept[0]["laboratory"] == "Bonn"
    ms.compare(tables, resamples=100).save(tmp_path / "two")
    assert not (tmp_path / "two/laboratories.csv").exists()
    assert "laboratories" not in json.loads((tmp_path / "two/compare.json").read_text("utf-8"))
