"""Synthetic images by one call, with their truth beside them."""

import json
from pathlib import Path

import pytest

import marrowscope as ms
from marrowscope.cells import read_cells
from marrowscope.progress import Advance


def test_cells_are_drawn_as_many_as_asked_for(tmp_path: Path) -> None:
    stages: list[str] = []
    done: list[int] = []

    def stage(description: str) -> Advance:
        stages.append(description)
        return lambda count=1, /, *, total=None: done.append(count)

    drawn = ms.draw_cells(tmp_path / "set", {"NGS": 2, "EOS": 1}, patients=2, progress=stage)
    assert drawn.table["label"].to_list() == ["NGS", "NGS", "EOS"]
    assert drawn.table_path == tmp_path / "set" / "cells.parquet"
    assert read_cells(drawn.table_path).equals(drawn.table)
    assert (stages, sum(done)) == (["drawing cells"], 3)


def test_fields_are_drawn_with_the_truth_of_every_cell(tmp_path: Path) -> None:
    drawn = ms.draw_fields(tmp_path / "set", 1, width=900, height=700, microns_per_pixel=0.2)
    cells = drawn.table.filter("is_cell")
    assert drawn.counts == {
        "fields": 1,
        "cells": cells.height,
        "touching": cells["touching"].sum(),
        "other": drawn.table.height - cells.height,
    }
    assert drawn.table["microns_per_pixel"].unique().to_list() == [drawn.microns_per_pixel] == [0.2]
    assert read_cells(drawn.table_path).height == drawn.table.height > 0
    assert (tmp_path / "set" / "field_0001.jpg").is_file()


def test_a_slide_has_its_truth_beside_it(tmp_path: Path) -> None:
    drawn = ms.draw_slide(tmp_path, 1200, 1100, microns_per_pixel=0.25)
    assert drawn.path == tmp_path / "slide.tif"
    assert read_cells(drawn.table_path).height == drawn.table.height
    truth = json.loads(drawn.truth_path.read_text())
    assert (truth["width"], truth["height"]) == (drawn.width, drawn.height) == (1200, 1100)
    cells = [row for row in drawn.table.iter_rows(named=True) if row["is_cell"]]
    assert drawn.cells.height == len(cells) > 10
    assert drawn.judgeable_cells.height == sum(row["judgeable"] for row in cells)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"touching": 2}, "`touching` 2: must be from 0 to 0.9"),
        ({"composition": "soup"}, "`composition` soup: is not one of normal"),
        ({"width": 10}, "`width` 10: must be from"),
        ({"seed": -1}, "`seed` -1: must be 0 or more"),
    ],
)
def test_an_argument_out_of_range_is_named(
    given: dict[str, object], fault: str, tmp_path: Path
) -> None:
    for draw in (ms.draw_fields, ms.draw_slide):
        with pytest.raises(ms.InputError, match=f"^{fault}"):
            draw(tmp_path / "set", **given)  # type: ignore[operator]
    assert not list(tmp_path.iterdir())
