"""A program that packs a table into a store and dies in the middle of a write.

Arguments: the table, the folder of the store, and which write is the last one.
"""

import os
import signal
import sys
from pathlib import Path

from marrowscope.cells import read_cells
from marrowscope.dataset import packing, pixel_store


def _dying(last: int) -> None:
    append, calls = pixel_store._append, []

    def write(path: Path, start: int, data: bytes | memoryview) -> None:
        calls.append(path)
        if len(calls) == last:
            with path.open("r+b") as stream:  # half of the bytes reach the file
                stream.seek(start)
                stream.write(bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        append(path, start, data)

    pixel_store._append = write


if __name__ == "__main__":
    packing.BATCH = 2
    _dying(int(sys.argv[3]))
    packing.pack(read_cells(Path(sys.argv[1])), Path(sys.argv[2]))
