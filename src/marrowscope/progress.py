"""How far work has come → whoever draws a bar: the types of the callbacks that functions take."""

from typing import Protocol


class Advance(Protocol):
    """The progress of one stage."""

    def __call__(self, count: int = 1, /, *, total: int | None = None) -> None:
        """Another ``count`` items are done, of ``total`` where the number is known."""


class Stage(Protocol):
    """Work of several stages: gives the callback of each."""

    def __call__(self, description: str, /) -> Advance:
        """The callback of the stage that begins now, described in a few words."""
