"""The contour of a smear on hand-made overviews whose truth is known."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.slides.open_slide import open_slide
from marrowscope.smear.contour import (
    k_means,
    mask_polygons,
    optical_density,
    smear_contour,
    smear_mask,
    white_point,
)
from support.slide_files import write_pyramid

WHITE = np.full(3, 240.0)


def overview_of(mask: NDArray[np.bool_], depth: float = 0.1, seed: int = 0) -> NDArray[np.uint8]:
    """A stained shape on glass, with the noise of a camera."""
    colour = 240 * 10 ** -(mask[..., None] * depth * np.array([0.8, 1.4, 0.8]))
    noise = np.random.default_rng(seed).normal(0, 2, (*mask.shape, 3))
    return np.clip(colour + noise, 0, 255).astype(np.uint8)


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def ellipse(shape: tuple[int, int] = (300, 600)) -> NDArray[np.bool_]:
    drawn = np.zeros(shape, np.uint8)
    cv2.ellipse(drawn, (shape[1] // 2, shape[0] // 2), (220, 100), 0, 0, 360, 1, -1)
    return drawn > 0


@pytest.mark.parametrize("depth", [0.03, 0.1, 0.6])
def test_a_stained_shape_is_found_whatever_its_strength(depth: float) -> None:
    mask = ellipse()
    found = smear_mask(overview_of(mask, depth), 10.0, WHITE)
    assert overlap(found, mask) > 0.97


def test_a_thin_end_belongs_to_the_smear_as_the_thick_one_does() -> None:
    mask = ellipse()
    depth = np.linspace(0.03, 0.8, mask.shape[1])[None, :]
    picture = overview_of(mask & True, 1.0)
    picture = np.round(240 * (picture / 240.0) ** depth[..., None]).clip(0, 255).astype(np.uint8)
    assert overlap(smear_mask(picture, 10.0, WHITE), mask) > 0.96


def test_a_tear_is_a_hole_and_the_gap_between_two_cells_is_not() -> None:
    mask = ellipse()
    cv2.circle(drawn := mask.astype(np.uint8), (250, 150), 25, 0, -1)
    torn = drawn > 0
    drawn[150, 350] = 0
    found = smear_mask(overview_of(drawn > 0), 10.0, WHITE)
    assert overlap(found, torn) > 0.97
    (polygon,) = mask_polygons(found, (40.0, 40.0))
    assert len(polygon.holes) == 1
    assert polygon.holes[0].mean(axis=0) == pytest.approx([251 * 40, 151 * 40], abs=60)


def test_polygons_drawn_again_give_the_mask() -> None:
    mask = ellipse()
    mask[140:160, 200:230] = False
    mask[5:25, 5:45] = True
    polygons = mask_polygons(mask, (8.0, 4.0))
    assert len(polygons) == 2
    drawn = np.zeros(mask.shape, np.uint8)
    for polygon in polygons:
        for ring, value in [(polygon.outline, 1), *((hole, 0) for hole in polygon.holes)]:
            # In the middle of its pixel a place has the coordinate half.
            points = np.round((ring / (8.0, 4.0) - 0.5) * 16).astype(np.int32)
            cv2.fillPoly(drawn, [points], value, shift=4)
    assert overlap(drawn > 0, mask) > 0.98


def test_specks_of_dust_are_no_smear() -> None:
    picture = overview_of(np.zeros((300, 600), bool))
    for x in range(20, 600, 60):
        picture[150:153, x : x + 3] = 30
    assert not smear_mask(picture, 10.0, WHITE).any()


def test_a_smear_that_fills_the_view_is_all_smear() -> None:
    assert smear_mask(overview_of(np.ones((300, 600), bool), 0.3), 10.0, WHITE).all()


def test_what_was_not_scanned_counts_as_glass() -> None:
    mask = ellipse()
    picture = overview_of(mask)
    picture[:, :60] = 0
    assert overlap(smear_mask(picture, 10.0, white_point(picture)), mask) > 0.97


def test_dim_light_is_white_all_the_same() -> None:
    picture = (overview_of(ellipse()) * 0.6).astype(np.uint8)
    assert white_point(picture) == pytest.approx(np.full(3, 0.6 * 241), abs=4)
    assert overlap(smear_mask(picture, 10.0, white_point(picture)), ellipse()) > 0.97


def test_density_is_the_decadic_logarithm_of_lost_light() -> None:
    picture = np.array([[[240, 24, 255], [120, 0, 240], [5, 5, 5]]], np.uint8)
    expected = [[0, 1, 0], [np.log10(2), np.log10(240), 0], [0, 0, 0]]
    assert optical_density(picture, WHITE)[0] == pytest.approx(np.array(expected), abs=1e-6)


def test_clusters_are_those_of_a_slow_search() -> None:
    random = np.random.default_rng(3)
    truth = np.array([[0.0, 0, 0], [0.2, 0.3, 0.2], [0.5, 0.8, 0.4]])
    points = np.concatenate([c + random.normal(0, 0.02, (200, 3)) for c in truth])
    centres, members = k_means(points.astype(np.float32), 3)
    assert centres == pytest.approx(truth, abs=0.01)
    assert (members == np.repeat([0, 1, 2], 200)).all()


@pytest.mark.parametrize("kind", ["white", "noise", "black", "uneven"])
def test_an_empty_slide_is_called_empty(kind: str, tmp_path: Path) -> None:
    picture = np.full((600, 900, 3), 0 if kind == "black" else 238, np.float64)
    if kind != "white":
        picture += np.random.default_rng(0).normal(0, 3, picture.shape) * (kind != "black")
    if kind == "uneven":
        picture += np.linspace(-5, 5, 900)[None, :, None]
    path = write_pyramid(tmp_path / "slide.tif", np.clip(picture, 0, 255).astype(np.uint8))
    with pytest.raises(InputError, match="empty slide"):
        smear_contour(open_slide(path))
