"""AnnData of cell tables, written and read back by the real library."""

from datetime import date
from pathlib import Path

import anndata
import numpy as np
import polars as pl
import pytest

from marrowscope import extras
from marrowscope.cells import PROBABILITY
from marrowscope.errors import InputError
from marrowscope.exchange.anndata_export import to_anndata
from marrowscope.exchange.class_colours import as_hex, class_colour
from marrowscope.features.feature_catalogue import names
from marrowscope.morphology import BY_CODE, CODES
from support.box_files import picture

RANDOM = np.random.default_rng(3)
VALUES = RANDOM.dirichlet(np.ones(len(CODES)), 4).astype(np.float32)
CELLS = pl.DataFrame(
    {
        "cell_id": ["d", "b", "a", "c"],
        "path": ["1.png", "2.png", "3.png", "4.png"],
        "error": [None, "no such file", None, None],
        "note": pl.Series([None] * 4, dtype=pl.String),
        "bytes": pl.Series([1, None, 3, 2**53 + 1], dtype=pl.Int64),
        "width": pl.Series([250] * 4, dtype=pl.Int32),
        "touches_border": [True, None, False, False],
        "judgeable": [True, True, False, True],
        "x": [1.5, None, 3.5, 4.0],
        "y": [10.0, None, 30.0, 40.0],
        "microns_per_pixel": [0.08625] * 4,
        "label": ["LYT", None, "BLA", "mine"],
        "stain": pl.Series([[0.1] * 6, None, [0.3] * 6, [0.4] * 6], dtype=pl.Array(pl.Float32, 6)),
        "annotator": ["me", "me", "you", "me"],
        "seen": [date(2026, 1, 2), None, date(2026, 1, 3), date(2026, 1, 4)],
        "tags": [["a", "b"], None, [], ["c"]],
        "my/own": ["x", "y", "z", "x"],
        **{PROBABILITY + code: VALUES[:, place] for place, code in enumerate(CODES)},
        "predicted": [CODES[place] for place in VALUES.argmax(axis=1)],
        "confidence": VALUES.max(axis=1),
    }
)


@pytest.fixture
def back(tmp_path: Path) -> anndata.AnnData:
    to_anndata(CELLS, model="a-model").write_h5ad(tmp_path / "cells.h5ad")
    return anndata.read_h5ad(tmp_path / "cells.h5ad")


def test_probabilities_and_places_are_the_same_after_writing(back: anndata.AnnData) -> None:
    assert back.shape == (4, len(CODES))
    assert back.X.dtype == np.float32
    np.testing.assert_array_equal(back.X, VALUES)
    assert list(back.obs_names) == CELLS["cell_id"].to_list()
    assert list(back.var_names) == list(CODES)
    assert list(back.var["name"]) == [BY_CODE[code].name for code in CODES]
    assert list(back.var["lineage"]) == [BY_CODE[code].lineage.value for code in CODES]
    np.testing.assert_array_equal(back.obsm["spatial"], CELLS.select("x", "y").to_numpy())
    assert back.obsm["stain"].shape == (4, 6)
    assert np.isnan(back.obsm["stain"][1]).all()
    facts = back.uns["marrowscope"]
    assert facts["model"] == "a-model"
    assert facts["microns_per_pixel"] == 0.08625
    assert "not for diagnosis" in facts["use"]


def test_the_whole_table_is_there_gaps_included(back: anndata.AnnData) -> None:
    for name in set(CELLS.columns) - {"cell_id", "stain", "seen", "tags", "my/own"}:
        column = back.obs[name].astype(object)
        found = [None if gap else value for gap, value in zip(column.isna(), column, strict=True)]
        assert found == CELLS[name].to_list(), name
    assert list(back.obs["my_own"]) == ["x", "y", "z", "x"]
    assert back.obs["tags"].iloc[0] == '["a", "b"]'
    assert back.obs["seen"].iloc[2] == "2026-01-03"
    assert back.obs["bytes"].dtype.name == "Int64"
    assert back.obs["touches_border"].dtype.name == "boolean"
    assert back.obs["judgeable"].dtype == bool
    assert back.obs["label"].dtype.name == "category"


def test_categories_stand_in_the_order_of_the_classes_with_their_colours(
    back: anndata.AnnData,
) -> None:
    assert list(back.obs["label"].cat.categories) == ["BLA", "LYT", "mine"]
    codes = list(back.obs["predicted"].cat.categories)
    wanted = [as_hex(colour) for code in codes if (colour := class_colour(code))]
    assert list(back.uns["predicted_colors"]) == wanted
    assert "label_colors" not in back.uns  # a class of the user's own has none


def test_a_cell_without_answer_is_not_a_number_in_x() -> None:
    gaps = CELLS.with_columns(
        pl.when(pl.col("cell_id") == "b")
        .then(None)
        .otherwise(pl.col(PROBABILITY + code))
        .alias(PROBABILITY + code)
        for code in CODES
    )
    found = to_anndata(gaps)
    assert np.isnan(found.X[1]).all()
    np.testing.assert_array_equal(found.X[[0, 2, 3]], VALUES[[0, 2, 3]])


def test_features_come_as_an_array_or_as_a_table_in_any_order(tmp_path: Path) -> None:
    values = RANDOM.normal(size=(4, len(names()))).astype(np.float32)
    found = to_anndata(CELLS, "features", values)
    found.write_h5ad(tmp_path / "f.h5ad")
    again = anndata.read_h5ad(tmp_path / "f.h5ad")
    np.testing.assert_array_equal(again.X, values)
    assert list(again.var_names) == list(names())
    few = pl.DataFrame(
        {"cell_id": ["a", "b", "c", "d"], "area": [1.0, 2, 3, 4], "who": list("wxyz")}
    )
    table = to_anndata(CELLS, "features", few)
    assert list(table.var_names) == ["area"]
    assert table.X[:, 0].tolist() == [4, 2, 1, 3]


def test_features_are_measured_where_none_are_given(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    cells = pl.DataFrame({"cell_id": ["a"], "path": [str(path)]})
    found = to_anndata(cells, X="features")
    assert found.shape == (1, len(names()))
    assert np.isfinite(found.X).mean() > 0.9
    assert "spatial" not in found.obsm


def test_an_empty_table_can_be_written(tmp_path: Path) -> None:
    to_anndata(CELLS.clear()).write_h5ad(tmp_path / "e.h5ad")
    assert anndata.read_h5ad(tmp_path / "e.h5ad").shape == (0, len(CODES))


def test_arguments_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = CELLS.select("cell_id", "path")
    with pytest.raises(InputError, match="probabilities or features"):
        to_anndata(CELLS, X="genes")
    with pytest.raises(InputError, match="no probabilities"):
        to_anndata(bare)
    with pytest.raises(InputError, match="pass `X='features'`"):
        to_anndata(CELLS, features=np.zeros((4, 1), np.float32))
    with pytest.raises(InputError, match=r"shape \(4, 1\)"):
        to_anndata(CELLS, "features", np.zeros((4, 1), np.float32))
    with pytest.raises(InputError, match="no row for 3 cells, such as d"):
        to_anndata(CELLS, "features", pl.DataFrame({"cell_id": ["b"], "area": [1.0]}))
    with pytest.raises(InputError, match="'a' occurs in 2 rows"):
        to_anndata(pl.concat([CELLS.filter(pl.col("cell_id") == "a")] * 2))
    with pytest.raises(InputError, match="'my/own': would be 'my_own'"):
        to_anndata(CELLS.with_columns(my_own=pl.lit(1)))
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'marrowscope\[anndata\]'"):
        to_anndata(CELLS)
