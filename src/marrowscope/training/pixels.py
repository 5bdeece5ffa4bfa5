"""Decoded training images: in memory when they fit, from their files otherwise."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.crop import prepare
from marrowscope.errors import InputError
from marrowscope.geometry import INPUT_SIZE
from marrowscope.images import read_image

# The rest is for the network, the operating system and whatever else the user runs.
MEMORY_SHARE = 0.5

Advance = Callable[..., None]


class Pixels:
    """(N, 250, 250, 3) uint8 RGB images by row."""

    def __init__(
        self,
        paths: list[str],
        advance: Advance | None = None,
        microns_per_pixel: list[float | None] | None = None,
    ) -> None:
        """Decode all images now if they fit into half of the free memory.

        Images of other sizes are brought to 250×250 px exactly as for a prediction.

        Raises:
            InputError: images cannot be read; names the first and how many.
        """
        self._paths = paths
        self._sizes = microns_per_pixel or [None] * len(paths)
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)
        self._stored: NDArray[np.uint8] | None = None
        needed = len(paths) * INPUT_SIZE * INPUT_SIZE * 3
        if needed <= MEMORY_SHARE * _free_memory():
            self._stored = self._decode_all(advance)

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def in_memory(self) -> bool:
        """Whether the images are held decoded."""
        return self._stored is not None

    def batch(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """(len(rows), 250, 250, 3) uint8.

        Raises:
            InputError: an image has become unreadable.
        """
        if self._stored is not None:
            return torch.from_numpy(self._stored[rows])
        paths, sizes = [self._paths[row] for row in rows], [self._sizes[row] for row in rows]
        return torch.from_numpy(np.stack(list(self._pool.map(_read, paths, sizes))))

    def _decode_all(self, advance: Advance | None) -> NDArray[np.uint8]:
        stored = np.empty((len(self._paths), INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
        failed: list[InputError] = []
        images = self._pool.map(_read_or_error, self._paths, self._sizes)
        for row, image in enumerate(images):
            if isinstance(image, InputError):
                failed.append(image)
            else:
                stored[row] = image
            if advance is not None:
                advance(1, total=len(self._paths))
        if failed:
            raise InputError(
                f"{failed[0]} ({len(failed)} of {len(self._paths)} images cannot be read; "
                "run 'marrowscope index' again)"
            )
        return stored


def _read(path: str, microns_per_pixel: float | None) -> NDArray[np.uint8]:
    return prepare(read_image(Path(path)), microns_per_pixel)


def _read_or_error(path: str, microns_per_pixel: float | None) -> NDArray[np.uint8] | InputError:
    try:
        return _read(path, microns_per_pixel)
    except InputError as error:
        return error


def _free_memory() -> int:
    """Bytes of memory that programs can take without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:  # not Linux
        pass
    return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES")) // 2
