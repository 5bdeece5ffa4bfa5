"""Pixels, labels and a first step → the batches from there on, always the same."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.training.networks.virtual_epoch import images_per_class, virtual_epoch
from marrowscope.training.pixel_source import PixelSource

# Pixels and which of them (None: all), stains, targets, epoch, positions in the epoch.
Batch = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor, int, NDArray[np.int64]]


@dataclass(frozen=True)
class TrainingSchedule:
    """How steps and virtual epochs relate."""

    epochs: int
    images_per_epoch: int
    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """Full batches of one virtual epoch; the incomplete last one is left out."""
        return max(1, self.images_per_epoch // self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch


def training_schedule(
    labels: NDArray[np.int64], target: int | None, epochs: int, batch_size: int
) -> TrainingSchedule:
    """Plan for these training labels."""
    images = images_per_class(labels, target) * (int(labels.max()) + 1)
    return TrainingSchedule(epochs, images, min(batch_size, images))


class TrainingBatches:
    """Yields the batch of every step from a given one to the last.

    Pixels are uint8: augmentation happens on the device. The next batch is fetched while the
    current one is computed.
    """

    def __init__(
        self,
        pixels: PixelSource,
        stains: NDArray[np.float32],
        labels: NDArray[np.int64],
        plan: TrainingSchedule,
        target: int | None,
        seed: int,
        start: Callable[[], int],
    ) -> None:
        self._pixels, self._labels, self._plan = pixels, labels, plan
        self._stains = torch.from_numpy(stains)
        self._targets = torch.from_numpy(labels)
        self._target, self._seed, self._start = target, seed, start

    def __len__(self) -> int:
        return self._plan.steps

    def __iter__(
        self,
    ) -> Iterator[Batch]:
        with ThreadPoolExecutor(1) as ahead:
            waiting: Future[Batch] | None = None
            for rows, epoch, positions in self._places():
                fetched = ahead.submit(self._batch, rows, epoch, positions)
                if waiting is not None:
                    yield waiting.result()
                waiting = fetched
            if waiting is not None:
                yield waiting.result()

    def _places(self) -> Iterator[tuple[NDArray[np.int64], int, NDArray[np.int64]]]:
        per_epoch, size = self._plan.steps_per_epoch, self._plan.batch_size
        order, ordered_epoch = np.empty(0, dtype=np.int64), -1
        for step in range(self._start(), self._plan.steps):
            epoch, inner = divmod(step, per_epoch)
            if epoch != ordered_epoch:
                order = virtual_epoch(self._labels, self._target, self._seed, epoch)
                ordered_epoch = epoch
            positions = np.arange(inner * size, (inner + 1) * size)
            yield order[positions], epoch, positions

    def _batch(self, rows: NDArray[np.int64], epoch: int, positions: NDArray[np.int64]) -> Batch:
        return (
            *self._pixels.batch(rows),
            self._stains[rows],
            self._targets[rows],
            epoch,
            positions,  # not a tensor: Lightning would move it to the GPU and we back
        )
