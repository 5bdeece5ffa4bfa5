"""Training rows → their pixels, from GPU, memory, a mapped store, or the files."""

import gc
import os
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from marrowscope.cell_pixels import CellImage, cell_images, read_cell
from marrowscope.dataset.packing import SPARE_BYTES, keys_of, pack
from marrowscope.dataset.pixel_store import IMAGE_BYTES, SHAPE, PixelStore, is_store
from marrowscope.errors import InputError
from marrowscope.progress import Advance

# The rest is for the network, the operating system and whatever else the user runs.
MEMORY_SHARE = 0.5
DEVICE_SHARE = 0.6

Batch = tuple[torch.Tensor, torch.Tensor | None]


class PixelSource:
    """Standard crops, (250, 250, 3) uint8 RGB, by row of the training table.

    Attributes:
        where: ``GPU``, ``memory``, ``store`` or ``files``.
    """

    def __init__(
        self,
        table: pl.DataFrame,
        advance: Advance | None = None,
        store: PixelStore | None = None,
        device: str = "cpu",
    ) -> None:
        """Use a store, or decode all images now if they fit into half of the free memory.

        Args:
            table: with ``path``; with ``sha256`` where there is a store.
            advance: progress of decoding.
            store: holds every image of the table.
            device: that trains, ``cpu`` or ``cuda``.

        Raises:
            InputError: images cannot be read (names the first and how many) or are not in the
                store.
        """
        self._cells = cell_images(table)
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)
        self._store, self._device = store, torch.device(device)
        self._host: NDArray[np.uint8] | None = None
        self._resident: torch.Tensor | None = None
        self._places = np.arange(table.height)
        if store is not None:
            self._places = store.rows(keys_of(table))
            require_all(store, table, self._places)
            self._host, self.where = store.pixels, "store"
        elif table.height * IMAGE_BYTES <= MEMORY_SHARE * free_memory():
            self._host, self.where = self._decode_all(advance), "memory"
        else:
            self.where = "files"
        self._shared = None if self._host is None else _as_tensor(self._host)

    def __len__(self) -> int:
        return len(self._cells)

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """The crops of these rows: an array and which of its images they are (None: all of it).

        Nothing is copied where the array lies in the memory of the device that trains.

        Raises:
            InputError: an image has become unreadable, or its packed pixels are damaged.
        """
        if self._resident is not None:
            return self._resident, torch.from_numpy(rows)
        if self._host is None:
            images = list(self._pool.map(read_cell, (self._cells[row] for row in rows)))
            return self._for_device(torch.from_numpy(np.stack(images))), None
        places = self._places[rows]
        if self._store is not None:
            self._store.verify(places)
        if self._shared is not None and self._device.type == "cpu":
            return self._shared, torch.from_numpy(places)
        return self._for_device(torch.from_numpy(self._host[places])), None

    def move_to_gpu(self) -> str | None:
        """Bring all crops onto the GPU if it has room; says in one line why not.

        Raises:
            InputError: packed pixels are damaged.
        """
        if self._host is None:
            return "the images are read from their files because there is no store"
        needed = len(self) * IMAGE_BYTES
        free = _free_on(self._device)
        if needed > DEVICE_SHARE * free:
            return f"{needed / 1e9:.1f} GB of pixels, {free / 1e9:.1f} GB free on the GPU"
        try:
            array = torch.empty((len(self), *SHAPE), dtype=torch.uint8, device=self._device)
            for start in range(0, len(self), 1024):
                rows = np.arange(start, min(start + 1024, len(self)))
                images, places = self.batch(rows)
                array[start : start + 1024] = images if places is None else images[places]
        except torch.OutOfMemoryError:
            return f"the GPU ran out of memory on the way ({needed / 1e9:.1f} GB of pixels)"
        self._resident, self.where = array, "GPU"
        return None

    @property
    def on_gpu(self) -> bool:
        """Whether all crops lie in the memory of the GPU."""
        return self._resident is not None

    def leave_gpu(self) -> None:
        """Give the GPU's memory back."""
        had, self._resident = self.on_gpu, None
        if had:
            # What still refers to them is often a circle, which only the collector finds.
            gc.collect()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            self.where = "memory" if self._store is None else "store"

    def _for_device(self, batch: torch.Tensor) -> torch.Tensor:
        """A GPU fetches from memory that stays in its place while it computes."""
        return batch.pin_memory() if self._device.type == "cuda" else batch

    def _decode_all(self, advance: Advance | None) -> NDArray[np.uint8]:
        stored = np.empty((len(self._cells), *SHAPE), dtype=np.uint8)
        failed: list[InputError] = []
        images = self._pool.map(_read_or_error, self._cells)
        for row, image in enumerate(images):
            if isinstance(image, InputError):
                failed.append(image)
            else:
                stored[row] = image
            if advance is not None:
                advance(1, total=len(self._cells))
        if failed:
            raise InputError(
                f"{failed[0]} ({len(failed)} of {len(self._cells)} images cannot be read; "
                "run 'marrowscope index' again)"
            )
        return stored


def choose_store(
    table: pl.DataFrame,
    folder: Path | None,
    given: bool,
    advance: Advance | None = None,
) -> tuple[PixelStore | None, str | None]:
    """The store to train from, and what should be said about it.

    A store that somebody named must hold every image. One that merely lies at its usual place is
    used if it does; it is made or completed when the images do not fit into memory and the disk
    has room.

    Args:
        table: the training rows.
        folder: the store, or where one may be made; None = none.
        given: whether the user named it.
        advance: progress of packing.

    Raises:
        InputError: a named store lacks images, or any store is damaged.
    """
    if folder is None or (given and table.is_empty()):
        return None, None
    if given:
        store = PixelStore(folder)
        require_all(store, table, store.rows(keys_of(table)))
        return store, None
    if "sha256" not in table.columns or table["sha256"].null_count():
        return None, None
    missing = table.height
    if is_store(folder):
        store = PixelStore(folder)
        missing = int((store.rows(keys_of(table)) < 0).sum())
        if not missing:
            return store, f"pixels from {folder}"
    if table.height * IMAGE_BYTES <= MEMORY_SHARE * free_memory():
        return None, None
    needed, free = missing * IMAGE_BYTES, shutil.disk_usage(_existing(folder)).free
    if needed + SPARE_BYTES > free:
        return None, (
            f"{needed / 1e9:.1f} GB of pixels fit neither into memory nor onto the disk "
            f"({free / 1e9:.1f} GB free): images are decoded at every step, which is slow"
        )
    packed = pack(table, folder, advance)
    if packed.failed:
        path, reason = packed.failed[0]
        raise InputError(f"{path}: {reason} ({len(packed.failed)} images cannot be read)")
    return PixelStore(folder), f"pixels do not fit into memory: packed into {folder}"


def require_all(store: PixelStore, table: pl.DataFrame, places: NDArray[np.int64]) -> None:
    """Refuse a store that does not hold every image of a table.

    Raises:
        InputError: names the first image that is missing and says how many are.
    """
    missing = np.flatnonzero(places < 0)
    if len(missing):
        raise InputError(
            f"{store.folder}: lacks {len(missing)} of {table.height} training images, "
            f"the first is {table['path'][int(missing[0])]}; 'marrowscope pack' adds them"
        )


def free_memory() -> int:
    """Bytes of memory that programs can take without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:  # not Linux
        pass
    return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES")) // 2


def _free_on(device: torch.device) -> int:
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else free_memory()


def _existing(path: Path) -> Path:
    """The path or the nearest folder above it that exists."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def _as_tensor(array: NDArray[np.uint8]) -> torch.Tensor:
    """The same memory as a tensor, which nobody may write to: a mapped store is read-only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _read_or_error(cell: CellImage) -> NDArray[np.uint8] | InputError:
    try:
        return read_cell(cell)
    except InputError as error:
        return error
