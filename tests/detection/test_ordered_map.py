"""Results in the order of the items, a few items ahead."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from marrowscope.detection.ordered_map import map_in_order


def test_a_slow_item_keeps_its_place() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    with ThreadPoolExecutor(4) as pool:
        assert list(map_in_order(pool, work, range(6), 3)) == [0, 1, 4, 9, 16, 25]


def test_no_more_items_are_asked_for_than_there_is_room() -> None:
    asked = []

    def items() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    with ThreadPoolExecutor(1) as pool:
        results = map_in_order(pool, str, items(), ahead=2)
        assert next(results) == "0"
        assert asked == [0, 1, 2]
        assert next(results) == "1"
        assert asked == [0, 1, 2, 3]


def test_an_error_comes_out_at_the_place_of_its_item() -> None:
    with ThreadPoolExecutor(1) as pool:
        results = map_in_order(pool, lambda number: 1 // number, [1, 0, 1], 5)
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)
