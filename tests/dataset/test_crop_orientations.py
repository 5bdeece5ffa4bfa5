"""Orientations move pixels, places and the numbers of a descriptor in the same way."""

import numpy as np
import pytest

from marrowscope.dataset.crop_orientations import (
    DESCRIPTOR_ORDERS,
    ORIENTATIONS,
    RELATIVE,
    oriented,
    oriented_places,
)
from marrowscope.dataset.landmarks import landmarks, oriented_landmarks

EIGHT = range(len(ORIENTATIONS))


def test_a_quarter_turn_goes_counter_clockwise_and_mirroring_comes_first() -> None:
    image = np.array([[1, 2], [3, 4]], np.uint8)
    assert oriented(image, 1).tolist() == [[2, 4], [1, 3]]
    assert oriented(image, 4).tolist() == [[2, 1], [4, 3]]
    assert oriented(image, 5).tolist() == [[1, 3], [2, 4]]
    assert len({oriented(image, number).tobytes() for number in EIGHT}) == 8


@pytest.mark.parametrize("number", EIGHT)
def test_places_go_with_their_pixels(number: int) -> None:
    image = np.arange(81, dtype=np.uint8).reshape(9, 9)
    places = np.array([[2, 3], [7, 1]], np.float32)
    moved = oriented_places(places, number, 9).astype(int)
    assert oriented(image, number)[moved[:, 1], moved[:, 0]].tolist() == [29, 16]


@pytest.mark.parametrize("one", EIGHT)
def test_what_shows_the_same_in_two_orientations_is_brought_together(one: int) -> None:
    image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    for lies in EIGHT:
        other = oriented(image, lies)
        two = next(two for two in EIGHT if (oriented(other, two) == oriented(image, one)).all())
        assert (oriented(other, int(RELATIVE[one, two])) == image).all()


@pytest.mark.parametrize("number", EIGHT)
def test_the_descriptor_of_a_turned_crop_has_the_same_numbers_in_another_order(
    number: int,
) -> None:
    random = np.random.default_rng(0)
    crop = np.kron(random.integers(0, 255, (25, 25, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    expected, found = landmarks(oriented(crop, number)), oriented_landmarks(landmarks(crop), number)
    by_place = dict(zip(map(tuple, expected.places.tolist()), expected.descriptors, strict=True))
    common = [
        (by_place[place], descriptor)
        for place, descriptor in zip(
            map(tuple, found.places.tolist()), found.descriptors, strict=True
        )
        if place in by_place
    ]
    assert len(common) >= 50
    for one, two in common:
        assert np.abs(one.astype(int) - two).max() <= 1
    assert sorted(DESCRIPTOR_ORDERS[number].tolist()) == list(range(128))
