"""Detection against synthetic fields whose every cell is known, and hand-drawn ones."""

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.detection.detector import detect
from marrowscope.errors import InputError
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import PhantomField, draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL

NUCLEUS, RED_CELL, GLASS = (70, 40, 150), (225, 180, 190), (240, 236, 242)


@pytest.fixture(scope="module")
def library() -> CellLibrary:
    return CellLibrary(MICRONS_PER_PIXEL, 3)


def scores(field: PhantomField, found: pl.DataFrame) -> tuple[int, int, int]:
    """True, missed, and false finds at half a cell radius.

    Cells that the field's edge cuts may be found or not, and so may smudges and artefacts.
    """
    truth = field.cells.select("x", "y", "radius", "touches_border", "is_cell").rows()
    places = found.select("x", "y").rows()
    pairs = sorted(
        (distance, one, two)
        for one, (x, y, radius, _, _) in enumerate(truth)
        for two, (a, b) in enumerate(places)
        if (distance := float(np.hypot(x - a, y - b))) <= radius / 2
    )
    met_truth: set[int] = set()
    met_found: set[int] = set()
    for _, one, two in pairs:
        if one not in met_truth and two not in met_found:
            met_truth.add(one)
            met_found.add(two)
    counted = {row for row, (_, _, _, cut, cell) in enumerate(truth) if cell and not cut}
    edge = field.image.shape[1], field.image.shape[0]
    strangers = [
        place for number, place in enumerate(places)
        if number not in met_found
        # What is left of a cell at the edge may have its centre anywhere.
        and 60 < place[0] < edge[0] - 60 and 60 < place[1] < edge[1] - 60
    ]  # fmt: skip
    return len(counted & met_truth), len(counted - met_truth), len(strangers)


def discs(*centres: tuple[float, float, float], side: int = 400) -> np.ndarray:
    """Nuclei on glass: x, y and radius in px."""
    image = np.full((side, side, 3), GLASS, np.uint8)
    for x, y, radius in centres:
        cv2.circle(image, (round(x), round(y)), round(radius), NUCLEUS, -1, cv2.LINE_AA)
    return image


@pytest.mark.parametrize("dense", [False, True], ids=["usual", "dense, clustered"])
def test_cells_of_synthetic_fields_are_found(dense: bool, library: CellLibrary) -> None:
    totals = np.zeros(3, dtype=int)
    for seed in range(3):
        settings = FieldSettings(
            width=1600, height=1400, cells_per_mm2=6000 if dense else 2500, touching=0.3
        )
        field = draw_field(settings, 900 + seed, library)
        totals += scores(field, detect(field.image, MICRONS_PER_PIXEL))
    true, missed, false = totals
    assert true + missed > 60
    assert 2 * true / (2 * true + missed + false) >= 0.97


def test_three_nuclei_are_three_cells_at_their_places() -> None:
    places = [(80.0, 90.0, 45.0), (250.0, 120.0, 40.0), (200.0, 300.0, 50.0)]
    found = detect(discs(*places), MICRONS_PER_PIXEL)
    assert found.height == 3
    for row, (x, y, radius) in zip(found.rows(named=True), places, strict=True):
        assert row["x"] == pytest.approx(x, abs=2)
        assert row["y"] == pytest.approx(y, abs=2)
        area = np.pi * (radius * MICRONS_PER_PIXEL) ** 2
        assert row["nuclear_area"] == pytest.approx(area, rel=0.12)
        assert row["x0"] < x - radius
        assert row["x1"] > x + radius
        assert not row["touches_border"]
        assert 0 < row["score"] <= 1


def test_lobes_of_one_nucleus_are_one_cell() -> None:
    lobes = [(180.0, 180.0, 17.0), (215.0, 190.0, 18.0), (200.0, 222.0, 16.0)]
    image = discs(*lobes)
    cv2.line(image, (180, 180), (215, 190), NUCLEUS, 6)
    found = detect(image, MICRONS_PER_PIXEL)
    assert found.height == 1
    assert found["x"][0] == pytest.approx(198, abs=10)
    assert found["y"][0] == pytest.approx(197, abs=10)


def test_red_cells_platelets_and_specks_are_no_cells() -> None:
    image = np.full((500, 500, 3), GLASS, np.uint8)
    for x in range(60, 480, 110):
        cv2.circle(image, (x, 120), 42, RED_CELL, -1, cv2.LINE_AA)
        cv2.circle(image, (x, 280), 12, (180, 150, 210), -1, cv2.LINE_AA)
        cv2.circle(image, (x, 400), 4, NUCLEUS, -1, cv2.LINE_AA)
    assert detect(image, MICRONS_PER_PIXEL).height == 0


@pytest.mark.parametrize("value", [0, 128, 240, 255])
def test_an_even_field_holds_no_cell(value: int) -> None:
    assert detect(np.full((300, 400, 3), value, np.uint8), MICRONS_PER_PIXEL).height == 0


def test_the_lamp_does_not_matter() -> None:
    image = discs((100.0, 100.0, 45.0), (260.0, 220.0, 50.0))
    dim = (image * np.array([0.75, 0.7, 0.6])).astype(np.uint8)
    bright, dark = detect(image, MICRONS_PER_PIXEL), detect(dim, MICRONS_PER_PIXEL)
    assert bright.height == dark.height == 2
    np.testing.assert_allclose(bright.select("x", "y"), dark.select("x", "y"), atol=1.0)


def test_a_cell_at_the_edge_says_so() -> None:
    found = detect(discs((20.0, 200.0, 45.0), (250.0, 200.0, 45.0)), MICRONS_PER_PIXEL)
    assert found.sort("x")["touches_border"].to_list() == [True, False]
    assert found["x0"].min() == 0


@pytest.mark.parametrize("size", [0.0, 0.01, 0.7, 5.0])
def test_a_pixel_size_with_which_nothing_can_be_seen_is_refused(size: float) -> None:
    with pytest.raises(InputError, match="microns_per_pixel"):
        detect(discs(), size)


def test_the_same_field_at_other_pixel_sizes_has_the_same_cells(library: CellLibrary) -> None:
    field = draw_field(FieldSettings(width=1200, height=1000), 5, library)
    whole = detect(field.image, MICRONS_PER_PIXEL)
    for scale in (0.5, 0.7, 1.5):
        other = cv2.resize(field.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found = detect(other, MICRONS_PER_PIXEL / scale)
        assert abs(found.height - whole.height) <= max(1, whole.height // 20)


@pytest.mark.parametrize("seed", [0, 1, 3])  # in the last red cells are bluish
def test_red_cells_alone_are_no_nucleated_cells(seed: int) -> None:
    settings = FieldSettings(
        width=1200, height=1000, microns_per_pixel=0.25, composition="blood", cells_per_mm2=0.1,
        excluded=0, red=0.2 + 0.25 * seed,
    )  # fmt: skip
    assert detect(draw_field(settings, seed).image, 0.25).height <= 1
