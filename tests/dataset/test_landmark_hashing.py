"""Near descriptors of different crops are found, others are not."""

import numpy as np

from marrowscope.dataset.landmark_hashing import similar_pairs

RANDOM = np.random.default_rng(0)


def test_twins_are_found_unless_they_are_of_one_crop() -> None:
    vectors = RANDOM.integers(0, 256, (400, 128), dtype=np.uint8)
    vectors[300] = vectors[10]
    vectors[301] = np.clip(vectors[20].astype(int) + 1, 0, 255)
    vectors[302] = vectors[30]
    owner = np.arange(400, dtype=np.int32)
    owner[302] = owner[30]
    one, two, orientation = similar_pairs(vectors, owner, 100.0)
    assert orientation.tolist() == [0, 0]
    assert list(zip(one.tolist(), two.tolist(), strict=True)) == [(10, 300), (20, 301)]


def test_less_than_two_make_no_pair() -> None:
    for count in (0, 1):
        one, two, _ = similar_pairs(
            np.zeros((count, 128), np.uint8), np.zeros(count, np.int32), 1.0
        )
        assert len(one) == len(two) == 0
