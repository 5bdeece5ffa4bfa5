"""How many bits of 16 a camera used, worked by hand."""

import numpy as np
import pytest

from marrowscope.io.sample_depth import bits_of_white, high_bytes, used_depth


@pytest.mark.parametrize(
    ("largest", "bits"),
    [(255, 8), (256, 10), (1023, 10), (1024, 12), (3175, 12), (4096, 14), (16383, 14), (16384, 16),
     (65535, 16), (0, 16)],
)  # fmt: skip
def test_the_fewest_bits_of_a_camera_that_hold_the_largest_number(largest: int, bits: int) -> None:
    assert used_depth(largest, 16).bits == bits


def test_below_half_of_the_range_it_is_called_uncertain() -> None:
    assert "uncertain" in used_depth(2000, 16).note
    assert "uncertain" not in used_depth(2048, 16).note


def test_what_the_file_says_counts_unless_a_number_is_larger() -> None:
    assert used_depth(900, 16, 12).bits == 12
    assert used_depth(5000, 16, 12).bits == 14
    assert used_depth(900, 16, 16).bits == 10  # writers say 16 of any 16-bit file
    assert used_depth(900, 12, None).bits == 12  # packed: 12 bits take 12


def test_the_8_highest_used_bits_are_kept_and_larger_numbers_are_white() -> None:
    values = np.array([0, 15, 16, 2048, 4095, 4096, 65535], np.uint16)
    assert high_bytes(values, 12).tolist() == [0, 0, 1, 128, 255, 255, 255]
    assert high_bytes(values, 16).tolist() == [0, 0, 0, 8, 15, 16, 255]
    assert high_bytes(values, 8).tolist() == [0, 15, 16, 255, 255, 255, 255]


def test_only_the_top_of_a_range_is_a_white_point() -> None:
    assert [bits_of_white(white) for white in (255, 1023, 4095, 65535)] == [8, 10, 12, 16]
    assert [bits_of_white(white) for white in (0, 3, 1000, 4096, 131071)] == [None] * 5
