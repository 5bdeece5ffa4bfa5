"""When an int8 graph is accurate enough."""

import pytest

from marrowscope.models.int8_part import is_accurate_enough


@pytest.mark.parametrize(
    ("agreement", "loss", "good"),
    [(0.99, 0.005, True), (0.9899, 0.0, False), (1.0, 0.0051, False), (1.0, -0.1, True)],
)
def test_the_bars_of_int8(agreement: float, loss: float, good: bool) -> None:
    assert is_accurate_enough(agreement, loss) is good
