"""Random batches from the packed store beside decoding the files, and the memory of both ways.

Ours: batches of 64 random images out of the mapped store, each image checked against its checksum
when it is first touched and copied once. Peers: the same batches decoded by OpenCV and by Pillow.
One thread, processor time.

Packing and reading run in a process of their own each, whose memory is then looked at: what it
holds for itself (anonymous), apart from pages of the file that the system may drop at any time.

    python benchmarks/store_speed.py [--full] [--json]

``--full`` also writes a store of 171,374 random images (32 GB) in the temporary folder, as large
as the public data set, reads 20,000 of its images at random, and removes it.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from PIL import Image

from marrowscope.cells import read_cells, write_cells
from marrowscope.dataset.indexing import index
from marrowscope.dataset.packing import keys_of, pack
from marrowscope.dataset.pixel_store import SHAPE, PixelStore, open_for_writing
from marrowscope.phantom.synthetic_dataset import write_dataset
from side_by_side import SAMPLE, in_turn, show, versions

BATCH, BATCHES = 64, 16
PUBLIC_IMAGES = 171_374


def memory() -> dict[str, float]:
    """Of this process in MB: its own, and the most it ever had with file pages."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) / 1000 for line in lines if " kB" in line}
    return {"own_mb": found["RssAnon"], "peak_with_file_pages_mb": found["VmHWM"]}


def write_random(folder: Path, count: int) -> dict[str, float]:
    """A store of random images, as 'pack' writes it."""
    random = np.random.default_rng(0)
    began, most = time.perf_counter(), 0.0
    with open_for_writing(folder) as writer:
        for start in range(0, count, 256):
            number = min(256, count - start)
            keys = [(hashlib.sha256(b"%d" % (start + i)).hexdigest(), None) for i in range(number)]
            writer.append(keys, random.integers(0, 256, (number, *SHAPE), dtype=np.uint8))
            most = max(most, memory()["own_mb"])
    return {"seconds": time.perf_counter() - began, "own_mb": most}


def read_random(folder: Path, count: int) -> dict[str, float]:
    """Random images out of a store, one batch after the other."""
    store, random = PixelStore(folder), np.random.default_rng(1)
    began, most = time.perf_counter(), 0.0
    for _ in range(count // BATCH):
        rows = random.integers(0, len(store), BATCH)
        store.verify(rows)
        store.pixels[rows].sum()
        most = max(most, memory()["own_mb"])
    seconds = time.perf_counter() - began
    return {"images": len(store), "images_per_second": count / seconds, "own_mb": most}


def apart(work: str, *arguments: object) -> dict[str, float]:
    """A function of this script in a process of its own."""
    command = [sys.executable, __file__, "--apart", work, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def pack_apart(table: Path, folder: Path) -> dict[str, float]:
    began = time.perf_counter()
    packed = pack(read_cells(table), folder)
    return {"images_per_second": packed.added / (time.perf_counter() - began), **memory()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--apart", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.apart:
        work, first, second = options.apart
        if work == "pack":
            print(json.dumps(pack_apart(Path(first), Path(second))))
        else:
            way = {"write": write_random, "read": read_random}[work]
            print(json.dumps(way(Path(first), int(second))))
        return
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not SAMPLE.is_dir():
            write_dataset(folder / "cells", 20, 0)
        table = index([SAMPLE if SAMPLE.is_dir() else folder / "cells"])
        write_cells(table, folder / "cells.parquet")
        packing = apart("pack", folder / "cells.parquet", folder / "s")
        store, paths = PixelStore(folder / "s"), table["path"].to_list()
        where = store.rows(keys_of(table))
        random = np.random.default_rng(0)
        choices = [random.integers(0, len(paths), BATCH) for _ in range(BATCHES)]

        def ours() -> float:
            began = time.process_time()
            for rows in choices:
                store.verify(where[rows])
                store.pixels[where[rows]]
            return BATCH * BATCHES / (time.process_time() - began)

        def opencv() -> float:
            began = time.process_time()
            for rows in choices:
                np.stack([cv2.imread(paths[row])[:, :, ::-1] for row in rows])
            return BATCH * BATCHES / (time.process_time() - began)

        def pillow() -> float:
            began = time.process_time()
            for rows in choices:
                np.stack([np.asarray(Image.open(paths[row])) for row in rows])
            return BATCH * BATCHES / (time.process_time() - began)

        medians = in_turn({"packed store": ours, "OpenCV decode": opencv, "Pillow decode": pillow})
        facts = {
            "packing": f"{packing['images_per_second']:.0f} images/s, own memory "
            f"{packing['own_mb']:.0f} MB",
            **versions("numpy", "opencv-python-headless", "pillow"),
        }
        if options.full:
            big = folder / "big"
            made = apart("write", big, PUBLIC_IMAGES)
            size = sum(file.stat().st_size for file in big.iterdir()) / 1e9
            read = apart("read", big, 20_000)
            facts["171,374 images"] = (
                f"{size:.1f} GB; written in {made['seconds']:.0f} s with {made['own_mb']:.0f} MB; "
                f"{read['images_per_second']:.0f} images/s at random with {read['own_mb']:.0f} MB"
            )
        show("Random batches of pixels, one core", "packed store", medians, facts, options.json)


if __name__ == "__main__":
    main()
