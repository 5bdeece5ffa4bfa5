"""Phantom slides: readable, seamless, the same whatever the tiles, levels true to level 0."""

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import openslide
import polars as pl
import pytest
import tifffile

from marrowscope.cells import read_cells
from marrowscope.errors import InputError
from marrowscope.phantom.background import PhantomRegion, Window
from marrowscope.phantom.pyramid_writer import FACTOR
from marrowscope.phantom.synthetic_slide import PhantomSlide, SlideSettings, write_slide

SMALL = SlideSettings(width=3000, height=2300, per_class=3)


@cache
def slide() -> PhantomSlide:
    return PhantomSlide(SMALL, 3)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    return path, write_slide(path, SMALL, 3)


def pixels(path: Path, window: Window) -> np.ndarray:
    with openslide.OpenSlide(path) as opened:
        region = opened.read_region((window.x, window.y), 0, (window.width, window.height))
    return np.asarray(region)[..., :3]


def test_openslide_and_tifffile_see_the_levels_and_the_pixel_size(
    written: tuple[Path, pl.DataFrame],
) -> None:
    path, _ = written
    with openslide.OpenSlide(path) as opened:
        assert opened.level_dimensions == ((3000, 2300), (750, 575), (188, 144))
        assert float(opened.properties["openslide.mpp-x"]) == pytest.approx(0.08625)
        assert "synthetic" in opened.properties["tiff.ImageDescription"]
    with tifffile.TiffFile(path) as opened:
        shapes = [level.shape for level in opened.series[0].levels]
    assert shapes == [(2300, 3000, 3), (575, 750, 3), (144, 188, 3)]


def test_the_file_holds_what_was_drawn(written: tuple[Path, pl.DataFrame]) -> None:
    window = Window(900, 800, 500, 400)  # across a corner of four patches
    error = pixels(written[0], window).astype(float) - slide().read(window)
    assert np.sqrt((error**2).mean()) < 5


def test_levels_are_means_of_level_0(written: tuple[Path, pl.DataFrame]) -> None:
    whole = pixels(written[0], Window(0, 0, 3000, 2300))
    with openslide.OpenSlide(written[0]) as opened:
        for level in (1, 2):
            size = opened.level_dimensions[level]
            seen = np.asarray(opened.read_region((0, 0), level, size))[..., :3]
            side = FACTOR**level
            missing = size[1] * side - 2300, size[0] * side - 3000
            padded = np.pad(whole, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
            mean = padded.reshape(size[1], side, size[0], side, 3).mean(axis=(1, 3))
            assert np.sqrt(((seen - mean) ** 2).mean()) < 4


def test_other_tiles_hold_the_same_pixels(tmp_path: Path) -> None:
    settings = SlideSettings(width=1300, height=1100, per_class=2, quality=95)
    windows = {}
    for tile in (256, 512):
        write_slide(tmp_path / "a.tif", SlideSettings(**{**settings.__dict__, "tile": tile}), 1)
        windows[tile] = pixels(tmp_path / "a.tif", Window(0, 0, 1300, 1100))
    # JPEG blocks lie alike in both, for tiles are multiples of 16 px.
    assert np.array_equal(windows[256], windows[512])


def test_a_patch_does_not_depend_on_what_was_drawn_before() -> None:
    fresh = PhantomSlide(SMALL, 3)
    last = fresh.patch(2, 1)
    slide().patch(0, 0)
    slide().patch(1, 1)
    assert np.array_equal(slide().patch(2, 1), last)


def test_the_same_seed_gives_the_same_bytes(
    written: tuple[Path, pl.DataFrame], tmp_path: Path
) -> None:
    table = write_slide(tmp_path / "again.tif", SMALL, 3)
    assert (tmp_path / "again.tif").read_bytes() == written[0].read_bytes()
    assert table.drop("path").equals(written[1].drop("path"))


def test_stain_goes_on_across_the_border_of_patches() -> None:
    """The same place drawn as the rim of one window and in the middle of another is alike."""
    world = slide()._renderer
    left = world.draw(Window(400, 700, 1024, 1024), truth=False).layers[:, :, 924:]
    right = world.draw(Window(1324, 700, 1024, 1024), truth=False).layers[:, :, :100]
    assert left.max() > 0.5  # something lies there
    assert np.allclose(left, right, atol=0.02)


def test_each_cell_is_in_the_table_once_and_where_it_was_drawn(
    written: tuple[Path, pl.DataFrame],
) -> None:
    _, table = written
    assert table["cell_id"].n_unique() == table.height > 20
    drawn = slide()._renderer.draw(Window(0, 0, SMALL.width, SMALL.height))
    assert len(drawn.objects) == table.height
    for row in table.iter_rows(named=True):
        inside = drawn.labels[row["y0"] : row["y1"], row["x0"] : row["x1"]]
        assert (inside > 0).any()
        assert row["x0"] < row["x"] < row["x1"]
        assert row["y0"] < row["y"] < row["y1"]
    covered = np.zeros_like(drawn.labels, bool)
    for row in table.iter_rows(named=True):
        covered[row["y0"] : row["y1"], row["x0"] : row["x1"]] = True
    assert not (covered == 0)[drawn.labels > 0].any()


def test_cells_lie_in_the_contour_and_not_in_tears(written: tuple[Path, pl.DataFrame]) -> None:
    path, table = written
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    contour = np.array(truth["contour"], np.float32)
    holes = [np.array(hole, np.float32) for hole in truth["holes"]]
    assert holes
    # A cluster is placed by one of its cells.
    alone = table.filter(~pl.col("touching"))
    for x, y in alone.select("x", "y").iter_rows():
        assert cv2.pointPolygonTest(contour, (x, y), False) > 0
        assert all(cv2.pointPolygonTest(hole, (x, y), False) < 0 for hole in holes)


def test_judgeable_polygons_agree_with_the_table(written: tuple[Path, pl.DataFrame]) -> None:
    path, table = written
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    zones = cv2.imread(str(path.with_suffix(".zones.png")), cv2.IMREAD_UNCHANGED)
    step = truth["zones"]["pixels_per_step"]
    agree = 0
    for x, y, judgeable in table.select("x", "y", "judgeable").iter_rows():
        assert (zones[int(y / step), int(x / step)] == PhantomRegion.JUDGEABLE) == judgeable
        inside = any(
            cv2.pointPolygonTest(np.array(zone["outline"], np.float32), (x, y), False) >= 0
            and all(
                cv2.pointPolygonTest(np.array(hole, np.float32), (x, y), False) <= 0
                for hole in zone["holes"]
            )
            for zone in truth["judgeable"]
        )
        agree += inside == judgeable
    assert agree >= 0.93 * table.height  # polygons are half a step tight


def test_the_table_beside_the_slide_is_the_one_returned(
    written: tuple[Path, pl.DataFrame],
) -> None:
    path, table = written
    assert read_cells(path.with_suffix(".cells.parquet")).equals(table)


def test_zones_of_a_large_smear_are_all_there() -> None:
    large = PhantomSlide(SlideSettings(width=30000, height=22000, per_class=1), 2)
    reasons = set(np.unique(large.smear.background.reason).tolist())
    assert reasons == {int(reason) for reason in PhantomRegion}
    share = (large.smear.background.reason == PhantomRegion.JUDGEABLE).mean()
    assert 0.1 < share < 0.7


def test_the_glass_around_the_smear_is_empty() -> None:
    corner = slide().patch(0, 0)[:60, :60].astype(float)
    assert corner.std(axis=(0, 1)).max() < 6
    assert np.abs(corner.mean(axis=(0, 1)) - slide().style.light).max() < 3


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (SlideSettings(width=100), "width"),
        (SlideSettings(tile=300), "tile 300"),
        (SlideSettings(composition="cheese"), "cheese"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, settings: SlideSettings, named: str) -> None:
    with pytest.raises(InputError, match=named):
        write_slide(tmp_path / "s.tif", settings)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.tif"):
        write_slide(tmp_path / "s.svs", SMALL)
