"""Local binary patterns."""

from marrowscope.features import lbp


def test_patterns_are_uniform_with_at_most_two_changes() -> None:
    bins = lbp.uniform_bins()
    assert bins[0b00000000] == 0
    assert bins[0b00000111] == 3
    assert bins[0b11111111] == 8
    assert bins[0b00000101] == 9
    assert (bins != 9).sum() == 58
