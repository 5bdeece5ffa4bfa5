"""Decoded standard crops → one file that is mapped into memory, and back.

A store is a folder:

- ``store.json``: format and image shape;
- ``pixels.bin``: the crops, (N, 250, 250, 3) uint8 RGB, one behind the other and nothing else;
- ``rows.bin``: one record per crop: content hash of the source file, pixel size it was scaled by,
  checksum of the crop, checksum of the record;
- ``cells.parquet``: the cell table of the crops, in their order (written by ``dataset.pack``).

Crops are found by content, so any table of the same images fits, in any order and split. Writing
only ever appends: pixels first and onto the disk, then their records. What a killed writer left
behind the last whole record belongs to nothing and the next writer cuts it off.
"""

import json
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.preprocessing import INPUT_SIZE

FORMAT = 1
SHAPE = (INPUT_SIZE, INPUT_SIZE, 3)
IMAGE_BYTES = math.prod(SHAPE)
META, PIXELS, ROWS, CELLS = "store.json", "pixels.bin", "rows.bin", "cells.parquet"
# Little-endian and without gaps: the same bytes on every machine.
RECORD = np.dtype(
    [("sha256", "V32"), ("microns_per_pixel", "<f8"), ("pixels_crc", "<u4"), ("record_crc", "<u4")]
)
_CHECKED_BYTES = RECORD.itemsize - 4

# Content hash in hex and the pixel size that was stated (None: scaled as a whole).
Key = tuple[str, float | None]


class PixelStore:
    """A store opened for reading; ``pixels`` is mapped, nothing is read before it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Open and check the files against each other.

        Raises:
            InputError: no store, another format, a file that was cut short, a damaged record.
        """
        self.folder = Path(folder)
        _read_meta(self.folder)
        self._records = _whole_records(self.folder)
        self._rows = {_key(record): row for row, record in enumerate(self._records)}
        size, needed = _size(self.folder / PIXELS), len(self._records) * IMAGE_BYTES
        if size < needed:
            whole = size // IMAGE_BYTES
            raise InputError(
                f"{self.folder / PIXELS}: cut short: holds {whole} of {len(self._records)} images; "
                f"delete {self.folder} and pack again"
            )
        # Read-only: for a private copy the system would set aside memory for the whole file.
        self.pixels: NDArray[np.uint8] = (
            np.memmap(self.folder / PIXELS, np.uint8, "r", shape=(len(self._records), *SHAPE))
            if len(self._records)
            else np.empty((0, *SHAPE), np.uint8)
        )
        self._seen = np.zeros(len(self._records), dtype=bool)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: Key) -> bool:
        return key in self._rows

    def rows(self, keys: Sequence[Key]) -> NDArray[np.int64]:
        """Where these images lie; -1 for those that are not here."""
        return np.array([self._rows.get(key, -1) for key in keys], dtype=np.int64)

    def verify(self, rows: NDArray[np.int64]) -> None:
        """Check crops against their checksums; each one only once.

        Raises:
            InputError: one differs; names the image.
        """
        for row in rows[~self._seen[rows]].tolist():
            if zlib.crc32(self.pixels[row]) != self._records[row]["pixels_crc"]:
                digest = self._records[row]["sha256"].tobytes().hex()
                raise InputError(
                    f"{self.folder / PIXELS}: image {row} (content {digest[:16]}) is damaged; "
                    f"delete {self.folder} and pack again"
                )
            self._seen[row] = True


class PixelStoreWriter:
    """Appends to a store; made by ``open_for_writing``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        records = _whole_records(folder)
        self._count = len(records)
        self.keys = dict.fromkeys(_key(record) for record in records)  # in the order of the crops
        # What a killed writer left belongs to nothing.
        for name, size in ((PIXELS, IMAGE_BYTES), (ROWS, RECORD.itemsize)):
            path = folder / name
            path.touch()
            found, kept = path.stat().st_size, self._count * size
            if found < kept:
                raise InputError(
                    f"{path}: cut short: holds {found // size} of {self._count} images; "
                    f"delete {folder} and pack again"
                )
            os.truncate(path, kept)

    def __len__(self) -> int:
        return self._count

    def append(self, keys: Sequence[Key], images: NDArray[np.uint8]) -> None:
        """Add crops: after this call they are on the disk, or the store is as it was.

        Args:
            keys: (N,), none of them in the store.
            images: (N, 250, 250, 3) uint8.

        Raises:
            InputError: the disk is full or fails.
            ValueError: shapes differ or a key is there already.
        """
        if images.shape != (len(keys), *SHAPE) or images.dtype != np.uint8:
            raise ValueError(f"{len(keys)} keys, images {images.shape} {images.dtype}")
        if len(set(keys)) < len(keys) or any(key in self.keys for key in keys):
            raise ValueError("an image would be stored twice")
        if not keys:
            return
        records = np.zeros(len(keys), dtype=RECORD)
        for record, (digest, microns), image in zip(records, keys, images, strict=True):
            record["sha256"] = np.void(bytes.fromhex(digest))
            record["microns_per_pixel"] = math.nan if microns is None else microns
            record["pixels_crc"] = zlib.crc32(np.ascontiguousarray(image).data)
            record["record_crc"] = _record_crc(record)
        pixels, rows = self.folder / PIXELS, self.folder / ROWS
        try:
            _append(pixels, self._count * IMAGE_BYTES, np.ascontiguousarray(images).data)
            _append(rows, self._count * RECORD.itemsize, records.tobytes())
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be written: {error.strerror or error}; {self._count} "
                "images are packed and kept, the same command continues"
            ) from error
        self._count += len(keys)
        self.keys.update(dict.fromkeys(keys))


@contextmanager
def open_for_writing(folder: Path) -> Iterator[PixelStoreWriter]:
    """Open a store for appending, or begin one; only one process may write at a time.

    Raises:
        InputError: the folder holds something else, cannot be made, or is being written to.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the store")
    try:
        strangers = folder.is_dir() and any(folder.iterdir()) and not (folder / META).exists()
        if strangers:
            raise InputError(f"{folder}: is not empty and holds no store; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / META).exists():
            with replacing(folder / META) as temporary:
                temporary.write_text(json.dumps({"format": FORMAT, "shape": SHAPE}) + "\n")
        _read_meta(folder)
        lock = (folder / META).open("rb")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    with lock:
        _lock(lock, folder)
        try:
            writer = PixelStoreWriter(folder)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error
        yield writer


def is_store(folder: Path) -> bool:
    """Whether a folder claims to be a store."""
    return (Path(folder) / META).is_file()


def _append(path: Path, start: int, data: bytes | memoryview) -> None:
    """Write behind ``start`` and onto the disk; on failure the file ends at ``start`` again."""
    with path.open("r+b") as stream:
        stream.seek(start)
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        except OSError:
            with suppress(OSError):
                os.truncate(path, start)
            raise


def _lock(stream: IO[bytes], folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not a Unix: nothing keeps two processes apart there
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise InputError(f"{folder}: another process is packing into it; wait for it") from None


def _read_meta(folder: Path) -> None:
    path = folder / META
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder}: no pixel store; 'marrowscope pack' makes one") from None
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: cannot be read ({reason}); delete {folder} and pack again"
        ) from None
    if content != {"format": FORMAT, "shape": list(SHAPE)}:
        raise InputError(
            f"{path}: not a store of format {FORMAT} with {SHAPE[0]}×{SHAPE[1]} images; delete "
            f"{folder} and pack again"
        )


def _whole_records(folder: Path) -> NDArray[np.void]:
    """All records; a torn one at the very end is left out.

    Raises:
        InputError: a record before the end is damaged.
    """
    path = folder / ROWS
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    records = np.frombuffer(data[: len(data) // RECORD.itemsize * RECORD.itemsize], dtype=RECORD)
    wrong = [
        row for row, record in enumerate(records) if _record_crc(record) != record["record_crc"]
    ]
    if wrong:
        raise InputError(f"{path}: record {wrong[0]} is damaged; delete {folder} and pack again")
    return records


def _record_crc(record: np.void) -> int:
    return zlib.crc32(record.tobytes()[:_CHECKED_BYTES])


def _key(record: np.void) -> Key:
    microns = float(record["microns_per_pixel"])
    return record["sha256"].tobytes().hex(), None if math.isnan(microns) else microns


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
