"""What an engine is: a batch of pixels comes in, class probabilities come out."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

BATCH = 32
PendingProbabilities = Callable[
    [], NDArray[np.float32]
]  # waits for what was begun; asked once, in order


class Engine(Protocol):
    """What prediction needs of an engine."""

    @property
    def name(self) -> str:
        """What computes, in what precision."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class codes, the columns of the result."""

    @property
    def batch_size(self) -> int:
        """Images per call that it is made for."""

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 250, 250, 3) uint8 RGB → (N, classes) float32."""


@runtime_checkable
class AsyncEngine(Engine, Protocol):
    """An engine that takes the next images while it finishes the last of those before."""

    def begin(self, images: NDArray[np.uint8]) -> PendingProbabilities:
        """(N, 250, 250, 3) uint8 RGB, N ≥ 1 → what waits for (N, classes) float32."""


def start_batch(engine: Engine, images: NDArray[np.uint8]) -> PendingProbabilities:
    """The answer to (N, 250, 250, 3) images, begun by engines that can, computed by the others."""
    if len(images) and isinstance(engine, AsyncEngine):
        return engine.begin(images)
    found = engine.probabilities(images) if len(images) else np.empty((0, 0), np.float32)
    return lambda: found


def image_views(image: NDArray[np.uint8], views: int) -> list[NDArray[np.uint8]]:
    """The 8 rotations and mirrorings of an image, (H, H, 3), or only itself.

    OpenCV turns bytes faster than a tensor is turned.
    """
    if views == 1:
        return [image]
    flips = [image, cv2.flip(image, 1), cv2.flip(image, 0), cv2.flip(image, -1)]
    return [np.asarray(view, np.uint8) for view in (*flips, *map(cv2.transpose, flips))]
