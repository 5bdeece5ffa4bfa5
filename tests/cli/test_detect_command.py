"""marrowscope detect, as a user types it."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.cells import read_cells
from marrowscope.detection.detect_cells import detect_cells
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.phantom.synthetic_slide import SlideSettings, write_slide
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.slides.open_slide import open_slide
from support.command_shell import Shell

# More than one field of the plan, in few pixels.
SLIDE = SlideSettings(width=4_500, height=3_400, microns_per_pixel=0.25, per_class=6)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    folder, library = tmp_path_factory.mktemp("fields"), CellLibrary(MICRONS_PER_PIXEL, 4)
    counts = []
    for number in range(2):
        drawn = draw_field(FieldSettings(width=1200, height=1000), 40 + number, library)
        cv2.imwrite(str(folder / f"{number}.png"), drawn.image[:, :, ::-1])
        counts.append(int(drawn.cells["is_cell"].sum()))
    return folder, counts


def test_fields_become_a_table_and_crops_that_show_the_cells(
    fields: tuple[Path, list[int]], tmp_path: Path, shell: Shell
) -> None:
    folder, counts = fields
    arguments = [folder, "--microns-per-pixel", MICRONS_PER_PIXEL, "-o", tmp_path / "c.parquet"]
    printed = shell("detect", *arguments, "--crops", tmp_path / "crops", "--json")
    summary = json.loads(printed.out)
    table = read_cells(tmp_path / "c.parquet")
    assert summary["cells"] == table.height == len(list((tmp_path / "crops").glob("*.png")))
    assert summary["fields"] == 2
    assert table.height == pytest.approx(sum(counts), rel=0.2)
    assert table["cell_id"].is_unique().all()
    assert set(table["field_id"]) == {"0.png", "1.png"}
    row = table.filter(~table["touches_border"]).row(0, named=True)
    crop = cv2.imread(row["path"])
    assert crop.shape == (250, 250, 3)
    field = cv2.imread(str(folder / row["field_id"]))
    np.testing.assert_array_equal(crop[125, 125], field[round(row["y"]), round(row["x"])])
    # The same once more, without crops: the same cells under the same names.
    shell("detect", *arguments)
    again = read_cells(tmp_path / "c.parquet")
    assert again["cell_id"].to_list() == table["cell_id"].to_list()
    assert set(again["path"]) == {str(folder)}
    # A folder that holds something is left alone.
    printed = shell("detect", *arguments, "--crops", folder, status=1)
    assert "is not an empty folder" in printed.err


def test_sources_whose_cells_would_have_the_same_ids_are_refused(
    fields: tuple[Path, list[int]], tmp_path: Path, shell: Shell
) -> None:
    folder, _ = fields
    other = tmp_path / "other" / folder.name
    shutil.copytree(folder, other)
    common = ["--microns-per-pixel", MICRONS_PER_PIXEL, "-o", tmp_path / "c.parquet"]
    for sources in ((folder, other), (folder, folder)):
        printed = shell("detect", *sources, *common, "--crops", tmp_path / "crops", status=1)
        assert "its cells would have the same ids as those of" in printed.err
        assert not (tmp_path / "crops").exists()
    # Fields of other names in folders of one name are told apart.
    for path in other.iterdir():
        path.rename(other / f"b{path.name}")
    shell("detect", folder, other, *common)
    assert read_cells(tmp_path / "c.parquet")["cell_id"].is_unique().all()


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    path = tmp_path_factory.mktemp("slide") / "s.tif"
    return path, write_slide(path, SLIDE, 1)


def test_crops_are_written_of_the_fields_that_are_used_and_of_no_other(
    slide: tuple[Path, pl.DataFrame], tmp_path: Path
) -> None:
    found = detect_cells(open_slide(slide[0]), 60, tmp_path / "crops")
    written = sorted(str(path) for path in (tmp_path / "crops").iterdir())
    assert written == sorted(found.cells["path"])


def test_a_slide_is_looked_at_field_by_field_until_there_are_enough_cells(
    slide: tuple[Path, pl.DataFrame], tmp_path: Path, shell: Shell
) -> None:
    path, truth = slide
    arguments = [path, "-o", tmp_path / "c.parquet", "--enough", 60, "--json"]
    printed = shell("detect", *arguments)
    summary = json.loads(printed.out)
    table = read_cells(tmp_path / "c.parquet")
    assert table.height == summary["cells"] >= 60
    places = table.select("x", "y").to_numpy()
    cells = truth.filter("is_cell").select("x", "y").to_numpy()
    nearest = np.hypot(*(places[:, None] - cells[None]).transpose(2, 0, 1)).min(axis=1)
    assert (nearest * SLIDE.microns_per_pixel < 4).mean() > 0.9
    judgeable = table["judgeable"].to_numpy()
    assert summary["not_judgeable"] == int((~judgeable).sum())
    assert (nearest[judgeable] * SLIDE.microns_per_pixel < 4).mean() > 0.97
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert apart[~np.eye(len(places), dtype=bool)].min() * SLIDE.microns_per_pixel > 3


@pytest.mark.parametrize("value", [0, 240])
def test_a_field_without_a_cell_is_one_clear_line(value: int, tmp_path: Path, shell: Shell) -> None:
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((600, 800, 3), value, np.uint8))
    arguments = [tmp_path / "empty.png", "-o", tmp_path / "c.parquet"]
    printed = shell("detect", *arguments, "--microns-per-pixel", 0.1, status=1)
    assert "no nucleated cell in 1 field;" in printed.err
    assert not (tmp_path / "c.parquet").exists()
    printed = shell("detect", *arguments, status=1)
    assert "give --microns-per-pixel" in printed.err


def test_cells_for_qupath_are_written_for_every_field_and_read_back(
    fields: tuple[Path, list[int]], tmp_path: Path, shell: Shell
) -> None:
    folder, _ = fields
    common = ["--microns-per-pixel", MICRONS_PER_PIXEL, "-o", tmp_path / "c.parquet"]
    printed = shell("detect", folder, *common, "--geojson", tmp_path / "one.geojson", status=1)
    assert "one file cannot hold 2 pictures" in printed.err
    options = ["--crops", tmp_path / "crops", "--geojson", tmp_path / "out", "--json"]
    printed = shell("detect", folder, *common, *options)
    written = json.loads(printed.out)["geojson"]
    assert [Path(path).name for path in written] == ["0.png.geojson", "1.png.geojson"]
    table = read_cells(tmp_path / "c.parquet")
    found = cells_from_boxes(read_boxes(tmp_path / "out", folder)).table
    assert found["error"].null_count() == found.height
    assert found["cell_id"].to_list() == table["cell_id"].to_list()
    assert found["microns_per_pixel"].unique().to_list() == [MICRONS_PER_PIXEL]
    assert dict(found.select("cell_id", "field_id").rows()) == dict(
        table.select("cell_id", "field_id").rows()
    )
