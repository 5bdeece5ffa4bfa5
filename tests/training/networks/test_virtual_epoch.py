"""Virtual epochs: balanced, every image used before one repeats, a pure function."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowscope.training.networks.virtual_epoch import images_per_class, virtual_epoch

COUNTS = st.lists(st.integers(1, 12), min_size=1, max_size=5)


def shuffled_labels(counts: list[int]) -> NDArray[np.int64]:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).permutation(labels)


def test_the_size_of_the_largest_class_is_the_natural_target() -> None:
    labels = np.array([0, 1, 1, 1, 2])
    assert images_per_class(labels, None) == 3
    assert images_per_class(labels, 7) == 7
    assert len(virtual_epoch(labels, None, 0, 0)) == 9


@given(COUNTS, st.integers(1, 30), st.integers(0, 2**40), st.integers(0, 50))
def test_every_class_is_as_frequent_and_every_image_of_a_class_too(
    counts: list[int], target: int, seed: int, epoch: int
) -> None:
    labels = shuffled_labels(counts)
    rows = virtual_epoch(labels, target, seed, epoch)
    assert (np.bincount(labels[rows], minlength=len(counts)) == target).all()
    uses = np.bincount(rows, minlength=len(labels))
    for index in range(len(counts)):
        of_class = uses[labels == index]
        assert of_class.max() - of_class.min() <= 1


@given(COUNTS, st.integers(1, 30), st.integers(0, 2**40), st.integers(0, 50))
def test_the_order_is_a_pure_function_of_seed_and_epoch(
    counts: list[int], target: int, seed: int, epoch: int
) -> None:
    labels = shuffled_labels(counts)
    first = virtual_epoch(labels, target, seed, epoch)
    np.random.seed(epoch)  # noqa: NPY002  # global state must not matter
    np.testing.assert_array_equal(first, virtual_epoch(labels, target, seed, epoch))


def test_seeds_and_epochs_differ_from_each_other() -> None:
    labels = shuffled_labels([40, 40, 40])
    orders = [virtual_epoch(labels, 40, seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len({order.tobytes() for order in orders}) == len(orders)


@pytest.mark.parametrize("parts", [2, 5])
def test_classes_are_mixed_over_the_whole_epoch(parts: int) -> None:
    labels = shuffled_labels([500, 20, 300])
    rows = virtual_epoch(labels, 1000, 0, 0)
    for piece in np.array_split(labels[rows], parts):
        share = np.bincount(piece, minlength=3) / len(piece)
        # Five standard deviations of a third of 600 draws.
        assert (np.abs(share - 1 / 3) < 0.1).all()


def test_the_images_that_get_an_extra_use_change_between_epochs() -> None:
    labels = np.zeros(10, dtype=np.int64)
    extra = [
        frozenset(np.flatnonzero(np.bincount(virtual_epoch(labels, 13, 0, epoch)) == 2))
        for epoch in range(8)
    ]
    assert all(len(chosen) == 3 for chosen in extra)
    assert len(set(extra)) > 1


@given(COUNTS, st.integers(1, 30), st.integers(0, 2**40), st.integers(0, 50), st.integers(0, 9))
def test_laboratories_share_the_places_of_a_class(
    counts: list[int], target: int, seed: int, epoch: int, mixing: int
) -> None:
    labels = shuffled_labels(counts)
    laboratories = np.random.default_rng(mixing).integers(0, 3, len(labels))
    rows = virtual_epoch(labels, target, seed, epoch, laboratories)
    uses = np.bincount(rows, minlength=len(labels))
    for index in range(len(counts)):
        of_class = labels == index
        assert uses[of_class].sum() == target
        there = np.unique(laboratories[of_class])
        places = [uses[of_class & (laboratories == one)].sum() for one in there]
        assert max(places) - min(places) <= 1
        for one in there:
            of_both = uses[of_class & (laboratories == one)]
            assert of_both.max() - of_both.min() <= 1


def test_one_laboratory_is_as_none() -> None:
    labels = shuffled_labels([5, 9, 2])
    alone = virtual_epoch(labels, 11, 4, 2, np.full(16, 7))
    np.testing.assert_array_equal(alone, virtual_epoch(labels, 11, 4, 2))


def test_the_odd_place_goes_from_laboratory_to_laboratory() -> None:
    labels, laboratories = np.zeros(4, np.int64), np.array([0, 0, 1, 1])
    first = [int((virtual_epoch(labels, 3, 0, epoch, laboratories) < 2).sum()) for epoch in (0, 1)]
    assert sorted(first) == [1, 2]
