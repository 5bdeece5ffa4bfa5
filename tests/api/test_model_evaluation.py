"""Predictions are scored, from memory as from files, and shown."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import marrowscope as ms
from support.counts import table_of

KNOWN = ("NGS", "LYT", "EOS")


@pytest.fixture
def predictions() -> pl.DataFrame:
    labels = [code for code in KNOWN for _ in range(20)]
    table = table_of(labels, KNOWN, 0)
    return table.with_columns(
        cell_id=pl.Series([f"cell-{n}" for n in range(len(labels))]),
        path=pl.Series([f"{n}.png" for n in range(len(labels))]),
        label=pl.Series(labels),
        split=pl.Series(["train", "test"] * 30),
    )


def test_tables_in_memory_and_on_disk_score_alike(
    predictions: pl.DataFrame, tmp_path: Path
) -> None:
    ms.write_cells(predictions, tmp_path / "p.parquet")
    one = ms.evaluate(predictions, resamples=20)
    two = ms.evaluate(tmp_path / "p.parquet", resamples=20)
    assert one.strict == two.strict
    right = (predictions["label"] == predictions["predicted"]).mean()
    assert one.strict["accuracy"].value == pytest.approx(right)
    assert np.array_equal(one.scores.matrix, two.scores.matrix)


def test_labels_may_come_from_another_table(predictions: pl.DataFrame) -> None:
    bare = predictions.drop("label")
    scored = ms.evaluate(bare, truth=predictions, resamples=20)
    assert scored.scores.counts["evaluated"] == 60
    with pytest.raises(ms.InputError, match="no column label"):
        ms.evaluate(bare)


def test_only_a_part_is_scored_on_request(predictions: pl.DataFrame) -> None:
    assert ms.evaluate(predictions, split="test", resamples=20).scores.counts["evaluated"] == 30
    with pytest.raises(ms.InputError, match="`split` val: predictions has only test, train"):
        ms.evaluate(predictions, split="val")


def test_several_tables_are_folds(predictions: pl.DataFrame) -> None:
    halves = [predictions[:30], predictions[30:]]
    folds = ms.evaluate(halves, resamples=20).scores.folds
    assert folds is not None
    assert folds.cells == (30, 30)


def test_tolerated_pairs_are_given_as_pairs(predictions: pl.DataFrame) -> None:
    every = [(one, two) for one in KNOWN for two in KNOWN if one < two]
    assert ms.evaluate(predictions, tolerated=every, resamples=20).tolerant["accuracy"].value == 1


def test_a_report_is_a_page_or_a_folder(predictions: pl.DataFrame, tmp_path: Path) -> None:
    scored = ms.evaluate(
        predictions, model="sequential-mll7", resamples=20, output=tmp_path / "report"
    )
    page = scored.to_html(tmp_path / "page.html")
    for place in (page, tmp_path / "report" / "report.html"):
        assert "macro-F1" in place.read_text()
    assert "sequential-mll7" in page.read_text()
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert metrics == json.loads(json.dumps(scored.to_dict()))


def test_a_notebook_shows_totals_classes_and_warnings(predictions: pl.DataFrame) -> None:
    scored = ms.evaluate(predictions, resamples=20)
    page = scored._repr_html_()
    for text in ("macro-F1", "eosinophil", scored.warnings[0], ms.RESEARCH_USE_ONLY):
        assert text in page
