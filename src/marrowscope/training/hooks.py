"""The callbacks that a training calls while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from marrowscope.progress import Advance


@dataclass(frozen=True)
class TrainingHooks:
    """Callbacks of a training; every one may be left out.

    Attributes:
        stains: progress of the stain vectors.
        decoding: progress of the images that are read.
        steps: progress of the training itself.
        epoch: called after every virtual epoch with its number and the held-out scores.
        packing: progress of the pixel store.
        line: called with one line of text that a user should read.
    """

    stains: Advance | None = None
    decoding: Advance | None = None
    steps: Advance | None = None
    epoch: Callable[[int, dict[str, float]], None] | None = None
    packing: Advance | None = None
    line: Callable[[str], None] | None = None

    def say(self, text: str | None) -> None:
        """Pass on what a user should know."""
        if text is not None and self.line is not None:
            self.line(text)
