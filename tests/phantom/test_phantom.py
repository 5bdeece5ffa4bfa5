"""Phantom cells: exact truth, repeatable, and the classes look as they should."""

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.index import index
from marrowscope.errors import InputError
from marrowscope.morphology import CODES
from marrowscope.phantom.appearance import appearances
from marrowscope.phantom.cells import PhantomCell, draw_cell
from marrowscope.phantom.dataset import write_dataset
from marrowscope.phantom.sheet import contact_sheet
from marrowscope.stain import estimate_stain, optical_density

WHOLE = [code for code in CODES if code not in ("KSC", "ART", "NIF")]


def several(code: str, count: int = 8) -> list[PhantomCell]:
    return [draw_cell(code, seed) for seed in range(count)]


def lobes(mask: np.ndarray) -> int:
    """Parts of a nucleus after its threads are opened away."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return int(cv2.connectedComponents(opened)[0]) - 1


def solidity(mask: np.ndarray) -> float:
    """Area over area of the convex hull."""
    outline = max(
        cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0],
        key=cv2.contourArea,
    )
    return float(cv2.contourArea(outline) / cv2.contourArea(cv2.convexHull(outline)))


def test_every_class_has_a_look_and_no_other() -> None:
    assert set(appearances()) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_cell_is_an_image_with_masks_inside_it(code: str) -> None:
    cell = draw_cell(code, 3)
    assert cell.image.shape == (250, 250, 3)
    assert cell.image.dtype == np.uint8
    assert cell.cell_mask.shape == cell.nucleus_mask.shape == (250, 250)
    assert not (cell.nucleus_mask & ~cell.cell_mask).any()
    assert cell.cell_mask.sum() > 500
    assert cell.image.std() > 10


@pytest.mark.parametrize("code", CODES)
def test_the_same_seed_draws_the_same_cell_and_another_seed_another(code: str) -> None:
    one, two, other = draw_cell(code, 5), draw_cell(code, 5), draw_cell(code, 6)
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.nucleus_mask, two.nucleus_mask)
    assert (one.image != other.image).mean() > 0.3


@pytest.mark.parametrize("code", [c for c in WHOLE if c != "BAS"])
def test_the_nucleus_takes_more_red_light_than_its_cytoplasm(code: str) -> None:
    for cell in several(code, 4):
        red = optical_density(cell.image)[..., 0]
        cytoplasm = cell.cell_mask & ~cell.nucleus_mask
        assert red[cell.nucleus_mask].mean() > red[cytoplasm].mean()


def test_the_cell_lies_in_the_middle() -> None:
    for code in WHOLE:
        rows, columns = np.nonzero(draw_cell(code, 1).cell_mask)
        assert abs(rows.mean() - 125) < 30
        assert abs(columns.mean() - 125) < 30


def mean_of(code: str, measure) -> float:
    return float(np.mean([measure(cell) for cell in several(code)]))


def share_of_nucleus(cell: PhantomCell) -> float:
    return float(cell.nucleus_mask.sum() / cell.cell_mask.sum())


def cytoplasm_colour(cell: PhantomCell, over: int, under: int) -> float:
    """Mean optical density of one channel over that of another in the cytoplasm."""
    density = optical_density(cell.image)[cell.cell_mask & ~cell.nucleus_mask].mean(0)
    return float(density[over] / density[under])


def test_classes_differ_as_textbooks_say() -> None:
    area = lambda cell: float(cell.cell_mask.sum())  # noqa: E731  # three short measures
    shape = lambda cell: solidity(cell.nucleus_mask)  # noqa: E731
    parts = lambda cell: lobes(cell.nucleus_mask)  # noqa: E731
    red_over_green = lambda cell: cytoplasm_colour(cell, 0, 1)  # noqa: E731
    assert mean_of("BLA", share_of_nucleus) > mean_of("MYB", share_of_nucleus)
    assert mean_of("LYT", share_of_nucleus) > mean_of("PLM", share_of_nucleus)
    assert mean_of("PMO", area) > mean_of("NGS", area) > mean_of("LYT", area)
    assert mean_of("NGS", parts) >= 2
    assert mean_of("MYB", parts) == 1
    assert mean_of("MYB", shape) > mean_of("MMZ", shape) > mean_of("NGB", shape)
    # Basophilic cytoplasm takes red light, eosinophilic granules do not.
    assert mean_of("PEB", red_over_green) > mean_of("MYB", red_over_green)
    assert mean_of("LYT", red_over_green) > 1.3 * mean_of("EOS", red_over_green)


def test_maturation_neighbours_overlap_in_size() -> None:
    sizes = {c: sorted(np.sqrt(x.cell_mask.sum()) for x in several(c, 10)) for c in ("MYB", "MMZ")}
    assert sizes["MYB"][0] < sizes["MMZ"][-1]


def test_the_stain_truth_is_near_what_the_estimate_finds() -> None:
    angles = []
    for seed in range(12):
        cell = draw_cell("EOS", seed)
        found, truth = estimate_stain(cell.image).reshape(2, 3), cell.stain.reshape(2, 3)
        angles += [np.degrees(np.arccos(np.clip((found * truth).sum(1), -1, 1)))]
        assert found[0] @ truth[0] > found[0] @ truth[1]  # not swapped
    assert np.median(angles) < 12


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(InputError, match="XYZ"):
        draw_cell("XYZ", 0)


def test_a_data_set_in_the_public_layout_that_says_synthetic(tmp_path: Path) -> None:
    table = write_dataset(tmp_path / "set", per_class=2, patients=3)
    assert table.height == 42
    assert set(table["annotator"]) == {"synthetic"}
    assert "Synthetic" in (tmp_path / "set/README.txt").read_text()
    indexed = index([tmp_path / "set"])
    assert indexed.height == 42  # masks are no cells
    assert indexed["error"].null_count() == 42
    listed = index([tmp_path / "set/cells.csv"])
    assert set(listed["patient_id"]) == {"synthetic-01", "synthetic-02", "synthetic-03"}
    assert set(listed["annotator"]) == {"synthetic"}
    assert listed["label"].to_list() == table["label"].to_list()
    mask = cv2.imread(str(tmp_path / "set/NGS/NGS_00001.mask.png"), cv2.IMREAD_GRAYSCALE)
    assert set(np.unique(mask)) == {0, 128, 255}


def test_the_same_seed_writes_the_same_files_and_other_folders_are_left_alone(
    tmp_path: Path,
) -> None:
    one = write_dataset(tmp_path / "one", 1, seed=4, masks=False)
    write_dataset(tmp_path / "two", 1, seed=4, masks=False)
    other = write_dataset(tmp_path / "other", 1, seed=5, masks=False)
    for path in one["path"]:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
        assert (tmp_path / "one" / path).read_bytes() != (tmp_path / "other" / path).read_bytes()
    assert isinstance(other, pl.DataFrame)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="something else"):
        write_dataset(tmp_path / "mine", 1)


def test_the_contact_sheet_says_synthetic_and_shows_every_class() -> None:
    figure = contact_sheet(per_class=1)
    assert "Synthetic" in figure.get_suptitle()
    titles = {axes.get_title("left").split()[0] for axes in figure.axes if axes.get_title("left")}
    assert titles == set(CODES)
