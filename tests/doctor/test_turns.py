"""Some work together, one alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from marrowscope.doctor.turns import Turns


def test_two_work_together() -> None:
    turns, both = Turns(), threading.Barrier(2, timeout=10)

    def work() -> None:
        with turns.together():
            both.wait()  # passes only if the other is inside, too

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(work), pool.submit(work)]:
            one.result()


def test_alone_means_that_nobody_else_is_inside() -> None:
    turns = Turns()
    inside: list[str] = []
    seen: list[list[str]] = []

    def together() -> None:
        for _ in range(50):
            with turns.together():
                inside.append("together")
                time.sleep(0.0005)
                inside.remove("together")

    def alone() -> None:
        for _ in range(5):
            with turns.alone():
                seen.append(list(inside))
                time.sleep(0.002)
                seen.append(list(inside))

    with ThreadPoolExecutor(3) as pool:
        for one in [pool.submit(together), pool.submit(together), pool.submit(alone)]:
            one.result()
    assert seen == [[]] * 10


def test_who_waits_to_be_alone_is_not_passed_by() -> None:
    """Otherwise calls that follow each other at once would never let it in."""
    turns, inside, order = Turns(), threading.Event(), []
    with ThreadPoolExecutor(2) as pool:

        def first() -> None:
            with turns.together():
                inside.set()
                time.sleep(0.2)  # the other asks meanwhile
            with turns.together():
                order.append("again")

        def alone() -> None:
            inside.wait()
            with turns.alone():
                order.append("alone")

        for one in [pool.submit(first), pool.submit(alone)]:
            one.result()
    assert order == ["alone", "again"]
