"""Cells come in once; what the model answered is kept as it came."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from marrowscope.review.database.connection import Database
from marrowscope.review.database.tables import cell, smear
from marrowscope.review.sources.cell_table_source import read_table_source
from marrowscope.review.sources.smear_record import add_smear
from support.review_smears import cells, record


def rows(database: Database, number: int) -> list[sa.RowMapping]:
    with database.reading() as connection:
        asked = sa.select(cell).where(cell.c.smear_id == number).order_by(cell.c.id)
        return list(connection.execute(asked).mappings())


def test_probabilities_are_stored_to_the_bit(database: Database) -> None:
    table = cells()
    number, new = add_smear(database, record(table), None)
    assert new
    found = rows(database, number)
    stored = np.stack([np.frombuffer(one["probabilities"], np.float32) for one in found])
    assert np.array_equal(stored, table.select("p_BLA", "p_NGS", "p_EBO").to_numpy())
    best = np.sort(stored, axis=1)
    assert np.allclose([one["margin"] for one in found], best[:, -1] - best[:, -2])


def test_cells_are_ordered_by_answer_and_uncertainty_and_by_what_tells_nothing(
    database: Database,
) -> None:
    number, _ = add_smear(database, record(), None)
    found = rows(database, number)
    by_class = sorted(found, key=lambda one: one["by_class"])
    # c3 is less sure than c0, and so on.
    assert [one["uid"] for one in by_class] == ["c3", "c0", "c4", "c1", "c5", "c2"]
    assert sorted(one["by_place"] for one in found) == list(range(6))
    by_place = sorted(found, key=lambda one: one["by_place"])
    assert [one["predicted"] for one in by_place] != sorted(one["predicted"] for one in found)


def test_opening_it_again_finds_it_and_where_its_pictures_lie_now(
    database: Database, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    given = record(cells(6, old))
    number, _ = add_smear(database, given, None)
    shutil.copytree(old, new)
    moved = given.cells.with_columns(path=pl.col("path").str.replace(str(old), str(new)))
    again = type(given)(given.name, given.kind, given.sources, given.content, moved)
    assert add_smear(database, again, None) == (number, False)
    with database.reading() as connection:
        assert connection.execute(sa.select(smear.c.root)).scalar_one() == str(new)
    assert {one["path"] for one in rows(database, number)} == {f"c{row}.png" for row in range(6)}


def test_labels_stand_in_where_no_model_answered(database: Database) -> None:
    table = cells().select("cell_id", "path").with_columns(label=pl.lit("PLM"))
    number, _ = add_smear(database, record(table), None)
    found = rows(database, number)
    assert {one["predicted"] for one in found} == {"PLM"}
    assert {one["given_label"] for one in found} == {"PLM"}
    assert {one["confidence"] for one in found} == {None}


def test_classes_of_another_scheme_are_classes_of_the_smear(database: Database) -> None:
    table = cells().rename({"p_BLA": "p_mast cell"}).with_columns(
        pl.col("predicted").replace("BLA", "mast cell")
    )  # fmt: skip
    add_smear(database, record(table), None)
    with database.reading() as connection:
        codes = json.loads(connection.execute(sa.select(smear.c.codes)).scalar_one())
    assert codes == ["mast cell", "NGS", "EBO"]


def test_a_table_of_many_slides_becomes_many_smears(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    slides = ["a", "a", "b", "b", "b", None]
    cells(6, tmp_path).with_columns(slide_id=pl.Series(slides)).write_parquet(path)
    found = read_table_source(path)
    assert [(one.name, one.cells.height) for one in found] == [
        ("table: a", 2), ("table: b", 3), ("table: no slide named", 1),
    ]  # fmt: skip
    assert len({one.content for one in found}) == 3


def test_cells_whose_picture_cannot_be_used_are_kept_and_said(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    errors = [None, "no such file", None, None, None, "cut off"]
    cells(6, tmp_path).with_columns(error=pl.Series(errors)).write_parquet(path)
    (found,) = read_table_source(path)
    assert found.remarks == ("2 cells cannot be shown (no such file)",)
    assert found.cells.filter(pl.col("role") == "left out")["cell_id"].to_list() == ["c1", "c5"]


def test_an_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    from marrowscope.errors import InputError

    path = tmp_path / "table.parquet"
    cells(6, tmp_path).with_columns(cell_id=pl.lit("same")).write_parquet(path)
    with pytest.raises(InputError, match="cell same is listed twice"):
        read_table_source(path)
