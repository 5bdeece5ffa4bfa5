"""What a located object is: hand-painted nuclei, and fields whose every thing is known."""

import cv2
import numpy as np
import pytest
from fit_object_types import reduce_contrast, true_object_type
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.detection import object_types
from marrowscope.detection.detector import detect, locate_nuclei
from marrowscope.detection.object_types import CELL, DEBRIS, NAKED, OBJECT_TYPES, SMUDGE
from marrowscope.detection.rim_features import RIM_FEATURES
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL

# Cytoplasm as of a lymphocyte: blue, half as dense in red as the chromatin.
GLASS, CHROMATIN, SEAM = (240, 236, 242), (75, 45, 155), (145, 160, 220)
# Cytoplasm full of granules, as dark as the chromatin and redder.
GRANULES = (75, 38, 150)
FINER = 4


def painted(radius: float, seam: float, side: int = 320, granules: float = 0.0) -> np.ndarray:
    """A round nucleus of clumped chromatin with a seam of cytoplasm all around; lengths in µm.

    ``granules`` is how far the outermost of its radius is no chromatin, but dark granules.
    """
    scale = FINER / MICRONS_PER_PIXEL
    image = np.full((side * FINER, side * FINER, 3), GLASS, np.uint8)
    middle = (side * FINER // 2,) * 2
    if seam:
        cv2.circle(image, middle, round((radius + seam) * scale), SEAM, -1)
    cv2.circle(image, middle, round(radius * scale), CHROMATIN, -1)
    nucleus = (image == CHROMATIN).all(axis=2)
    if granules:
        image[nucleus] = GRANULES
        cv2.circle(image, middle, round((radius - granules) * scale), CHROMATIN, -1)
    random = np.random.default_rng(0)
    clumps = cv2.GaussianBlur(random.normal(size=nucleus.shape), (0, 0), 0.25 * scale)
    lighter = np.exp(0.12 * clumps / clumps.std())[..., None]
    image = np.where(nucleus[..., None], image * lighter, image).astype(np.float32)
    image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    image = cv2.GaussianBlur(image, (0, 0), 0.15 / MICRONS_PER_PIXEL)
    return np.clip(image + random.normal(0, 1.5, image.shape), 0, 255).astype(np.uint8)


def one_kind(image: np.ndarray, microns: float = MICRONS_PER_PIXEL) -> str:
    found = detect(image, microns)
    assert found.height == 1
    return str(found["kind"][0])


@pytest.mark.parametrize("radius", [3.5, 4.5, 5.5])
def test_a_nucleus_with_a_seam_of_cytoplasm_is_a_cell_and_one_without_is_naked(
    radius: float,
) -> None:
    for seam in (1.5, 0.9, 0.6):
        assert one_kind(painted(radius, seam)) == CELL
    assert one_kind(painted(radius, 0.0)) == NAKED


def test_a_dark_rim_of_another_colour_than_the_chromatin_is_cytoplasm() -> None:
    assert one_kind(painted(4.5, 0.0, granules=1.0)) == CELL


def test_coarse_pixels_show_no_seam_so_all_are_cells() -> None:
    bare = painted(4.5, 0.0)
    small = cv2.resize(bare, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    found = detect(small, 2 * MICRONS_PER_PIXEL)
    assert found["kind"].to_list() == [CELL]
    assert found["intact"].to_list() == [None]


def test_an_image_without_contrast_does_not_tell() -> None:
    found = detect(reduce_contrast(painted(4.5, 0.0), 0.6), MICRONS_PER_PIXEL)
    assert found.select("kind", "intact").rows() == [(CELL, None)]


def test_what_the_border_cuts_is_a_cell() -> None:
    cut = painted(4.5, 0.0)[:, 130:]
    found = detect(np.ascontiguousarray(cut), MICRONS_PER_PIXEL)
    assert found.select("touches_border", "kind", "intact").rows() == [(True, CELL, None)]


@pytest.fixture(scope="module")
def library() -> CellLibrary:
    return CellLibrary(MICRONS_PER_PIXEL, 31)


def test_kinds_of_synthetic_fields(library: CellLibrary) -> None:
    there = dict.fromkeys(OBJECT_TYPES, 0)
    told = dict.fromkeys(OBJECT_TYPES, 0)
    for seed, mix in enumerate(
        (
            FieldSettings(
                width=1800,
                height=1500,
                cells_per_mm2=6000,
                touching=0,
                composition={"NIF": 1, "KSC": 1, "ART": 2},
                excluded=0.5,
            ),
            FieldSettings(width=1800, height=1500, cells_per_mm2=5000, touching=0.3, excluded=0),
        )
    ):
        field = draw_field(mix, 31_000 + seed, library)
        for row in detect(field.image, MICRONS_PER_PIXEL).rows(named=True):
            kind = true_object_type(field, library, row["x"], row["y"])
            if kind is not None and not row["touches_border"]:
                there[kind] += 1
                told[kind] += row["kind"] != CELL
    assert there[CELL] > 60
    assert min(there[NAKED], there[SMUDGE], there[DEBRIS]) >= 2
    assert told[CELL] <= 1
    lost = sum(there[kind] for kind in OBJECT_TYPES[1:])
    assert sum(told[kind] for kind in OBJECT_TYPES[1:]) >= 0.55 * lost


def test_the_kind_changes_neither_place_nor_box(library: CellLibrary) -> None:
    field = draw_field(FieldSettings(width=900, height=700, excluded=0.3), 4, library)
    found = detect(field.image, MICRONS_PER_PIXEL)
    cells, measures = locate_nuclei(field.image, MICRONS_PER_PIXEL)
    assert found.drop("kind", "intact").equals(cells)
    assert measures.shape == (cells.height, len(RIM_FEATURES))
    assert np.isfinite(measures).all()
    assert set(found["kind"]) <= set(OBJECT_TYPES)
    assert found["intact"].drop_nulls().is_between(0, 1).all()


@settings(max_examples=20, deadline=None)
@given(turns=st.integers(0, 3), mirrored=st.booleans())
def test_turned_images_are_measured_alike(turns: int, mirrored: bool) -> None:
    image = painted(4.5, 0.9)
    turned = np.rot90(image[:, ::-1] if mirrored else image, turns)
    _, one = locate_nuclei(image, MICRONS_PER_PIXEL)
    _, two = locate_nuclei(np.ascontiguousarray(turned), MICRONS_PER_PIXEL)
    np.testing.assert_allclose(one, two, atol=0.12, rtol=0.25)


def test_likelihoods_of_the_shipped_model_are_shares() -> None:
    random = np.random.default_rng(1)
    columns = object_types.model_columns(random.uniform(-1, 3, (50, len(RIM_FEATURES))))
    share = object_types.object_type_model().likelihood(columns)
    assert share.shape == (50, len(object_types.OUTCOMES))
    np.testing.assert_allclose(share.sum(axis=1), 1)
    assert object_types.classify_objects(np.zeros((0, len(RIM_FEATURES))))[0] == []
