"""One open file per thread and process, and a list of what could not be read."""

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from marrowscope.slides.slide import CorruptTile

T = TypeVar("T")


class PerThreadHandle(Generic[T]):
    """Opens on first use in each thread and process; pickled as how to open, not as what is open.

    ``opener`` must itself be picklable: a ``functools.partial`` of a function of a module.
    """

    def __init__(self, opener: Callable[[], T]) -> None:
        self._opener = opener
        self._local = threading.local()
        self._inherited: list[T] = []

    def get(self) -> T:
        """This thread's handle."""
        local = self._local
        if getattr(local, "process", None) != os.getpid():
            if hasattr(local, "handle"):
                # Made before a fork. It is left alone: closing it could wait for a lock that a
                # thread of the parent held, and two processes would share a place in the file.
                self._inherited.append(local.handle)
            local.handle = self._opener()
            local.process = os.getpid()
        handle: T = local.handle
        return handle

    def drop(self) -> None:
        """Forget this thread's handle, so that the next ``get`` opens anew."""
        self._local.__dict__.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {"opener": self._opener}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["opener"])  # type: ignore[misc]


class CorruptTiles:
    """What could not be read, each place once; known pieces need no second attempt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[int, int, int], CorruptTile] = {}

    def add(self, tile: CorruptTile) -> None:
        """Remember a place; the first reason stays."""
        with self._lock:
            self._found.setdefault((tile.level, tile.x, tile.y), tile)

    def has(self, level: int, x: int, y: int) -> bool:
        """Whether the tile that begins there is known to be unreadable."""
        return (level, x, y) in self._found

    def listed(self) -> tuple[CorruptTile, ...]:
        """In the order of level, row and column."""
        with self._lock:
            return tuple(sorted(self._found.values()))

    def __getstate__(self) -> dict[str, Any]:
        return {"found": self._found}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        self._found = dict(state["found"])
