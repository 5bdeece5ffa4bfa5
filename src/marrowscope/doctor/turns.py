"""Threads that work at the same time, or one of them alone, whose speed is measured."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Whose turn it is."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy, self._waiting = 0, 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """Work beside others; waits while one is alone, or waits to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work with nobody beside; waits until what others have begun is done."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: not self._busy)
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._waiting -= 1
                self._changed.notify_all()
