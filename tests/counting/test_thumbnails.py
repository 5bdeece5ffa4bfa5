"""Of each class the most and the least certain cells are kept, and no more."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.counting.thumbnails import Thumbnails

CROP = np.full((250, 250, 3), 128, np.uint8)


@given(
    st.lists(st.tuples(st.sampled_from(["A", "B"]), st.sampled_from([0.1, 0.2, 0.5, 0.9])),
             max_size=30),
    st.integers(1, 4),
)  # fmt: skip
def test_those_that_sorting_all_would_give_are_kept(cells: list[tuple[str, float]], n: int) -> None:
    kept = Thumbnails(n)
    for number, (code, confidence) in enumerate(cells):
        if kept.wanted(code, confidence):
            kept.offer(code, confidence, f"{number}", CROP)
    expected = set()
    for code in "AB":
        mine = [(confidence, place) for place, (own, confidence) in enumerate(cells) if own == code]
        expected |= {place for _, place in sorted(mine, key=lambda one: (-one[0], one[1]))[:n]}
        expected |= {place for _, place in sorted(mine)[:n]}
    assert [int(name) for name in kept.kept()] == sorted(expected)


def test_pictures_are_jpeg() -> None:
    kept = Thumbnails()
    kept.offer("A", 0.5, "cell", CROP)
    assert kept.kept()["cell"].startswith(b"\xff\xd8\xff")
