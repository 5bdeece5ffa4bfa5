"""Images per second of the index, beside what one would write by hand.

Ours: read, SHA-256, header, and a pass over all compressed pixels (JPEG at an eighth of its
size).
Peers, in the same process, one after the other: read + SHA-256 + Pillow's ``verify`` (which does
not look at a JPEG's pixels), and read + SHA-256 + a full decode with Pillow.

Speed alone would mislead, so each contestant is also shown copies of the first images in which 512
bytes are zero, as after a write that never reached the disk, and its finds are counted.

Ours is also timed by the clock with one thread and with one per core; other programs that run
meanwhile make these figures smaller.

    python benchmarks/index_speed.py [FOLDER] [--json]
"""

import argparse
import hashlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
from PIL import Image

from marrowscope.dataset.image_discovery import discover
from marrowscope.dataset.indexing import measure_file

SAMPLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "mll-sample"
ROUNDS = 5
DAMAGED = 200


def ours(path: str) -> None:
    if measure_file(path)["error"]:
        raise SystemExit(f"{path} cannot be read")


def pillow_verify(path: str) -> None:
    data = Path(path).read_bytes()
    hashlib.sha256(data).hexdigest()
    Image.open(io.BytesIO(data)).verify()


def pillow_decode(path: str) -> None:
    data = Path(path).read_bytes()
    hashlib.sha256(data).hexdigest()
    Image.open(io.BytesIO(data)).load()


def finds(work: Callable[[str], None], paths: list[str]) -> int:
    """How many of the damaged files the contestant objects to."""
    found = 0
    for path in paths:
        try:
            work(path)
        except (Exception, SystemExit):  # whatever it is, it noticed
            found += 1
    return found


def damage(paths: list[str], folder: Path) -> list[str]:
    """Copies with a hole in the middle."""
    copies = []
    for number, path in enumerate(paths):
        data = Path(path).read_bytes()
        middle = len(data) // 2
        copy = folder / f"{number}{Path(path).suffix}"
        copy.write_bytes(data[:middle] + bytes(512) + data[middle + 512 :])
        copies.append(str(copy))
    return copies


def rate(work: Callable[[str], None], paths: list[str]) -> float:
    began = time.process_time()  # processor time: other programs on the machine do not count
    for path in paths:
        work(path)
    return len(paths) / (time.process_time() - began)


def rate_by_the_clock(threads: int, paths: list[str]) -> float:
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        list(pool.map(ours, paths))
        return len(paths) / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.folder.is_dir():
        print(f"index_speed: skipped, no images at {options.folder}")
        return
    cv2.setNumThreads(1)
    paths = [found.path for found in discover([options.folder])]
    contestants = {"ours": ours, "Pillow verify": pillow_verify, "Pillow decode": pillow_decode}
    for work in contestants.values():
        rate(work, paths[:200])  # warm the file cache and the codecs
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, work in contestants.items():
            rates[name].append(rate(work, paths))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = {count: rate_by_the_clock(count, paths) for count in sorted({1, cores or 1})}
    median = {name: statistics.median(values) for name, values in rates.items()}
    with tempfile.TemporaryDirectory() as folder:
        copies = damage(paths[:DAMAGED], Path(folder))
        noticed = {name: finds(work, copies) for name, work in contestants.items()}
    if options.json:
        ratios = {name: median["ours"] / value for name, value in median.items()}
        print(
            json.dumps(
                {
                    "images": len(paths),
                    "rounds": ROUNDS,
                    "images_per_second": median,
                    "ours_over": ratios,
                    "by_threads": threads,
                    "damaged": len(copies),
                    "noticed": noticed,
                }
            )
        )
        return
    print(f"{len(paths)} images, one core, median of {ROUNDS}")
    for name, value in median.items():
        print(
            f"{name:15s} {value:7.0f} images/s   ours/it {median['ours'] / value:.2f}   "
            f"damage noticed {noticed[name]} of {len(copies)}"
        )
    for count, value in threads.items():
        print(f"ours, {count} threads, by the clock: {value:.0f} images/s")


if __name__ == "__main__":
    main()
