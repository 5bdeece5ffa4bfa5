"""Phantom fields: the truth is exact, nothing is lost, the same seed gives the same field."""

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from marrowscope.cells import SCHEMA
from marrowscope.errors import InputError
from marrowscope.morphology import BY_CODE, CountRole
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import PhantomField, draw_field
from support.small_fields import SMALL, stock


@cache
def field(seed: int) -> PhantomField:
    return draw_field(SMALL, seed, stock())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_row_is_one_instance_and_every_instance_a_row(seed: int) -> None:
    drawn = field(seed)
    present = set(np.unique(drawn.cell_mask).tolist()) - {0}
    assert present == set(drawn.cells["instance"].to_list())
    assert len(present) == drawn.cells.height > 5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_box_centre_and_radius_are_those_of_the_mask(seed: int) -> None:
    drawn = field(seed)
    for row in drawn.cells.iter_rows(named=True):
        inside = drawn.cell_mask == row["instance"]
        y, x = np.nonzero(inside)
        assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == tuple(
            row[name] for name in ("x0", "y0", "x1", "y1")
        )
        assert inside[int(row["y"]), int(row["x"])]
        assert row["radius"] == pytest.approx(np.sqrt(inside.sum() / np.pi))
        assert (row["width"], row["height"]) == (row["x1"] - row["x0"], row["y1"] - row["y0"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_cell_touches_the_border_if_a_pixel_of_it_lies_there(seed: int) -> None:
    drawn = field(seed)
    edge = np.ones(drawn.cell_mask.shape, bool)
    edge[1:-1, 1:-1] = False
    on_edge = set(np.unique(drawn.cell_mask[edge]).tolist()) - {0}
    assert on_edge == set(drawn.cells.filter("touches_border")["instance"].to_list())


def test_nuclei_lie_inside_cells() -> None:
    drawn = field(1)
    assert drawn.nucleus_mask.any()
    assert not (drawn.nucleus_mask & (drawn.cell_mask == 0)).any()


def test_nuclei_are_darker_than_what_lies_around_the_cells() -> None:
    drawn = field(1)
    green = drawn.image[..., 1].astype(float)
    background = np.median(green[drawn.cell_mask == 0])
    assert np.median(green[drawn.nucleus_mask]) < 0.5 * background


def test_the_table_is_a_cell_table_and_says_synthetic() -> None:
    cells = field(1).cells
    for name in set(cells.columns) & set(SCHEMA):
        assert cells.schema[name] == SCHEMA[name]
    assert cells["annotator"].unique().to_list() == ["synthetic"]
    assert cells["cell_id"].n_unique() == cells.height


def test_the_same_seed_gives_the_same_field_and_another_seed_another_one() -> None:
    first = draw_field(SMALL, 1, CellLibrary(SMALL.microns_per_pixel, 5, 4))
    assert np.array_equal(first.image, field(1).image)
    assert first.cells.equals(field(1).cells)
    assert not np.array_equal(first.image, field(2).image)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_as_many_cells_touch_as_were_asked_for(share: float) -> None:
    settings = FieldSettings(
        width=3600, height=3000, touching=share, cells_per_mm2=2000, excluded=0.0, red=0.0
    )
    cells = draw_field(settings, 4, stock()).cells.filter(~pl.col("touches_border"))
    assert cells.height > 80
    assert cells["touching"].mean() == pytest.approx(share, abs=0.0 if share == 0 else 0.12)


def test_density_and_composition_are_as_asked_for() -> None:
    settings = FieldSettings(
        width=3600, height=3000, cells_per_mm2=1500, composition={"LYT": 3, "NGS": 1}, excluded=0.0,
        red=0.0, touching=0.0,
    )  # fmt: skip
    cells = draw_field(settings, 0, stock()).cells
    area = 3600 * 3000 * settings.microns_per_pixel**2 * 1e-6
    # Cells that stick in count in part; Poisson of 120.
    assert 0.75 < cells.height / (1500 * area) < 1.45
    assert set(cells["label"]) == {"LYT", "NGS"}
    assert 0.6 < (cells["label"] == "LYT").mean() < 0.9


def test_smudges_and_artefacts_are_told_from_cells() -> None:
    settings = replace(SMALL, excluded=1.0)
    cells = draw_field(settings, 1, stock()).cells
    assert cells.height
    assert not cells["is_cell"].any()
    assert all(BY_CODE[code].role is CountRole.EXCLUDED for code in cells["label"])


def test_a_blurred_field_is_blurred_and_not_judgeable() -> None:
    sharp, blurred = (
        draw_field(SMALL, 1, stock()),
        draw_field(replace(SMALL, out_of_focus=1.0), 1, stock()),
    )
    assert sharp.judgeable.all()
    assert not blurred.judgeable.any()
    assert not blurred.cells["judgeable"].any()

    def roughness(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image[::4, ::4, 1].astype(float), axis=1)).mean())

    assert roughness(blurred.image) < 0.8 * roughness(sharp.image)
    assert np.array_equal(sharp.cell_mask, blurred.cell_mask)


def test_particles_fat_and_thickness_are_not_judgeable_but_do_not_fill_the_field() -> None:
    drawn = draw_field(replace(SMALL, particles=2.0, fat_holes=3.0), 3, stock())
    assert 0.02 < 1 - drawn.judgeable.mean() < 0.98
    thick = draw_field(replace(SMALL, red=1.6), 3, stock())
    assert thick.judgeable.mean() < 0.2


def test_vignetting_takes_light_from_the_corners() -> None:
    empty = replace(
        SMALL, cells_per_mm2=0, red=0, dirt_per_mm2=0, platelets_per_mm2=0, vignetting=0.5
    )
    image = draw_field(empty, 1, stock()).image.astype(float)
    corners = [image[:50, :50], image[-50:, :50], image[:50, -50:], image[-50:, -50:]]
    assert np.mean([corner.mean() for corner in corners]) < 0.8 * image[300:400, 400:500].mean()


def test_a_field_without_cells_has_an_empty_table() -> None:
    drawn = draw_field(replace(SMALL, cells_per_mm2=0), 1, stock())
    assert drawn.cells.height == 0
    assert not drawn.cell_mask.any()


def test_a_coarser_field_shows_the_same_size_of_cells_in_micrometres() -> None:
    coarse = FieldSettings(width=640, height=480, microns_per_pixel=0.25, composition="blood")
    cells = draw_field(coarse, 1, CellLibrary(0.25, 1, 4)).cells.filter(~pl.col("touches_border"))
    radius = cells.filter("is_cell")["radius"].median() * 0.25
    assert 4.5 < radius < 7.5


@pytest.mark.parametrize(
    ("composition", "named"),
    [("cheese", "cheese"), ({"XYZ": 1.0}, "XYZ"), ({"LYT": -1.0}, "LYT"), ({}, "no cells")],
)
def test_a_mix_of_classes_that_makes_no_sense_is_named(
    composition: str | dict[str, float], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        draw_field(replace(SMALL, composition=composition), 1)
