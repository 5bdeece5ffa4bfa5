"""Pairs of crops that show the same place: found by landmarks, verified by correlation."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.cell_pixels import crop_from_field
from marrowscope.dataset.crop_orientations import oriented
from marrowscope.dataset.landmarks import landmarks
from marrowscope.dataset.overlap_detection import Overlap, connected_groups, find_overlaps
from marrowscope.dataset.overlap_proof import verify_overlap
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL, prepare


def compressed(image: np.ndarray, quality: int = 92) -> np.ndarray:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    settings = FieldSettings(width=1500, height=1300, cells_per_mm2=3000)
    return draw_field(settings, 7, CellLibrary(MICRONS_PER_PIXEL, 7)).image


def cut(field: np.ndarray, x: int, y: int) -> np.ndarray:
    return compressed(np.ascontiguousarray(field[y : y + 250, x : x + 250]))


@settings(max_examples=40, deadline=None)
@given(x=st.integers(-170, 170), y=st.integers(-170, 170), off=st.integers(-3, 3))
def test_the_shift_is_measured_exactly_whatever_the_compression(
    field: np.ndarray, x: int, y: int, off: int
) -> None:
    shared = (250 - abs(x)) * (250 - abs(y)) / 250**2
    one, two = cut(field, 600, 500), cut(field, 600 + x, 500 + y)
    found = verify_overlap(one, two, x + off, y - off)
    if shared < 0.1:
        assert found is None
    elif found is not None:
        assert found[:2] == (x, y)
        assert found[2] == pytest.approx(shared)
    else:  # next to no structure in what they share
        mine = one[max(0, y) : 250 + min(0, y), max(0, x) : 250 + min(0, x)]
        assert shared < 0.25 or mine.std() < 10


def test_crops_of_one_field_are_found_and_no_others(field: np.ndarray) -> None:
    random = np.random.default_rng(0)
    places = [tuple(int(v) for v in random.integers(0, (1250, 1050))) for _ in range(40)]
    crops = [cut(field, *place) for place in places]
    found = find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number])
    truth = {}
    for one, (x1, y1) in enumerate(places):
        for two in range(one + 1, len(places)):
            x, y = places[two][0] - x1, places[two][1] - y1
            shared = max(0, 250 - abs(x)) * max(0, 250 - abs(y)) / 250**2
            if shared:
                truth[one, two] = (x, y, shared)
    large = {pair for pair, (_, _, shared) in truth.items() if shared >= 0.25}
    got = {(pair.one, pair.two): pair for pair in found}
    assert len(large) >= 10
    assert len(large & set(got)) >= 0.97 * len(large)
    assert set(got) <= set(truth)
    for pair, one in got.items():
        assert (one.dx, one.dy) == truth[pair][:2]
        assert one.correlation >= 0.985


def test_cells_that_look_alike_are_no_overlap() -> None:
    # The same drawing on two backgrounds, and shifted noise of the same kind.
    random = np.random.default_rng(0)
    library = CellLibrary(MICRONS_PER_PIXEL, 9)
    fields = [
        draw_field(FieldSettings(width=700, height=600, cells_per_mm2=3000), seed, library).image
        for seed in (1, 2, 3)
    ]
    crops = [
        cut(field, int(x), int(y)) for field in fields for x, y in random.integers(0, 350, (4, 2))
    ]
    found = find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number])
    assert all(pair.one // 4 == pair.two // 4 for pair in found)


def rescaled(crop: np.ndarray, scale: float) -> np.ndarray:
    side = round(250 * scale)
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)


def enlarged(crop: np.ndarray, scale: float) -> np.ndarray:
    """As augmentation does: the middle of an enlarged crop, or mirrored edges around it."""
    turned = cv2.getRotationMatrix2D((124.5, 124.5), 0, scale)
    return cv2.warpAffine(crop, turned, (250, 250), borderMode=cv2.BORDER_REFLECT)


def found_between(one: np.ndarray, two: np.ndarray) -> Overlap | None:
    crops = [one, two]
    found = find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number])
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("orientation", range(8))
def test_a_turned_or_mirrored_copy_is_found_and_measured(
    field: np.ndarray, orientation: int
) -> None:
    one = cut(field, 400, 400)
    pair = found_between(compressed(oriented(one, orientation), 75), one)
    assert pair is not None
    assert (pair.orientation, pair.scale, pair.dx, pair.dy) == (orientation, 1, 0, 0)
    assert pair.shared == 1


def test_a_turned_crop_of_the_neighbourhood_is_found_where_a_quarter_is_shared(
    field: np.ndarray,
) -> None:
    one, turned = cut(field, 400, 400), oriented(cut(field, 440, 360), 3)
    pair = found_between(one, turned)
    assert pair is not None
    assert (pair.orientation, pair.dx, pair.dy) == (1, 40, -40)


@pytest.mark.parametrize("scale", [0.9, 1.1])
@pytest.mark.parametrize("orientation", [0, 6])
def test_rescaled_copies_are_found(field: np.ndarray, scale: float, orientation: int) -> None:
    one = cut(field, 400, 400)
    whole = compressed(oriented(rescaled(one, scale), orientation), 75)
    pair = found_between(prepare(whole, None), one)
    assert pair is not None
    assert (pair.orientation, pair.shared) == (orientation, 1)
    zoomed = compressed(oriented(enlarged(one, scale), orientation), 75)
    pair = found_between(zoomed, one)
    assert pair is not None
    assert pair.orientation == orientation
    assert pair.scale == pytest.approx(scale, abs=0.005)
    assert pair.dx == pytest.approx(124.5 * (1 - scale), abs=1.5)


def test_turned_cells_of_the_same_kind_and_empty_glass_are_no_overlap() -> None:
    # One drawing of each class, placed by the phantom in any orientation on two fields.
    library = CellLibrary(MICRONS_PER_PIXEL, 11, per_class=1)
    crops = []
    for seed in (1, 2):
        image = draw_field(FieldSettings(width=900, height=700, cells_per_mm2=2500), seed, library)
        places = image.cells.select("x", "y").rows()
        crops += [
            compressed(crop_from_field(image.image, x, y, MICRONS_PER_PIXEL)) for x, y in places
        ]
    random = np.random.default_rng(0)
    for _ in range(6):  # glass with the noise of a camera
        crops.append(np.clip(random.normal(225, 3, (250, 250, 3)), 0, 255).astype(np.uint8))
    numbers = range(len(crops))
    found = find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number])
    assert all(pair.orientation == 0 and pair.scale == 1 for pair in found)
    assert not any(pair.two >= len(numbers) - 6 for pair in found)


def test_groups_are_what_hangs_together() -> None:
    pairs = [Overlap(one, two, 0, 0, 0.5, 1.0) for one, two in ((1, 4), (4, 6), (2, 3))]
    assert connected_groups(8, pairs) == [0, 1, 2, 2, 1, 5, 1, 7]
