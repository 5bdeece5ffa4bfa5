"""Pixels, labels and a first step → the batches from there on, always the same."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.training.networks.virtual_epoch import (
    images_per_class,
    stain_donors,
    virtual_epoch,
)
from marrowscope.training.pixel_source import PixelSource


class Batch(NamedTuple):
    """One step's images.

    Attributes:
        pixels: (M, H, W, 3) uint8 RGB.
        rows: (N,) which of them; None = all.
        stains: (N, 6) stain vectors of the images.
        rendered: (N, 6) those in which they are shown; None = their own.
        targets: (N,) class indices.
        epoch: 0-based.
        positions: (N,) in the epoch; an array, for Lightning would move a tensor to the GPU.
    """

    pixels: torch.Tensor
    rows: torch.Tensor | None
    stains: torch.Tensor
    rendered: torch.Tensor | None
    targets: torch.Tensor
    epoch: int
    positions: NDArray[np.int64]


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
        laboratories: NDArray[np.int64] | None = None,
        balanced: bool = False,
        stain_transfer: float = 0.0,
    ) -> None:
        """Prepare the stream.

        Args:
            pixels: of the N training cells.
            stains: (N, 6) stain vectors.
            labels: (N,) class indices.
            plan: steps and epochs.
            target: images per class and epoch.
            seed: of the order and of the stains that are taken.
            start: tells the first step that is wanted.
            laboratories: (N,) index of each cell's laboratory; None = one.
            balanced: whether the laboratories that have a class share its places evenly.
            stain_transfer: share of the images that take the stain vectors of another one.
        """
        self._pixels, self._labels, self._plan = pixels, labels, plan
        self._stains = torch.from_numpy(stains)
        self._targets = torch.from_numpy(labels)
        self._target, self._seed, self._start = target, seed, start
        everything = np.zeros(len(labels), np.int64)
        laboratories = everything if laboratories is None else laboratories
        self._groups = laboratories if balanced else everything
        self._members = [np.flatnonzero(laboratories == one) for one in np.unique(laboratories)]
        self._stain_transfer = stain_transfer

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
                order = virtual_epoch(self._labels, self._target, self._seed, epoch, self._groups)
                ordered_epoch = epoch
            positions = np.arange(inner * size, (inner + 1) * size)
            yield order[positions], epoch, positions

    def _batch(self, rows: NDArray[np.int64], epoch: int, positions: NDArray[np.int64]) -> Batch:
        rendered = None
        if self._stain_transfer:
            donors = stain_donors(
                self._members, self._stain_transfer, self._seed, epoch, positions, rows
            )
            rendered = self._stains[donors]
        return Batch(
            *self._pixels.batch(rows),
            self._stains[rows],
            rendered,
            self._targets[rows],
            epoch,
            positions,
        )
