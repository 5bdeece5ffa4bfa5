"""How fast features are measured, per core, and how well nucleus and cell are found.

Run: ``python benchmarks/feature_speed.py [FOLDER_OF_IMAGES]``. Speed is process time on one thread,
decoding included, on real images if a folder is given and on synthetic ones otherwise. Overlap is
intersection over union with the masks of synthetic cells, all 21 classes.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.features import segment
from marrowscope.features.feature_catalogue import FAMILIES, catalogue
from marrowscope.features.image_planes import image_planes
from marrowscope.io.image_decoding import decode
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.preprocessing import resize

IMAGES, SEED, PER_CLASS = 200, 50_000, 10


def _overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def _files(folder: str | None) -> list[bytes]:
    if folder is None:
        return [encode_jpeg(draw_cell(code, 7).image) for code in CODES]
    paths = sorted(Path(folder).rglob("*.jp*g"))
    return [path.read_bytes() for path in paths[:: max(1, len(paths) // IMAGES)]][:IMAGES]


def speed(files: list[bytes]) -> None:
    """Print milliseconds of process time per cell, by step, and cells per second and core."""
    steps: dict[str, float] = {}

    def done(step: str, since: float) -> float:
        now = time.process_time()
        steps[step] = steps.get(step, 0.0) + now - since
        return now

    for number, data in enumerate((files[0], *files)):
        if number == 1:
            steps.clear()  # the first fills caches
        now = time.process_time()
        image = resize(decode(data), 250, 250)
        now = done("decoding", now)
        found = segment(image)
        now = done("segmentation", now)
        picture = image_planes(image, found)
        now = done("colour planes", now)
        for family in FAMILIES:
            family.values(picture)
            now = done(family.__name__.rpartition(".")[2], now)
    for step, seconds in steps.items():
        print(f"{step:15} {1000 * seconds / len(files):6.1f} ms")
    total = sum(steps.values()) / len(files)
    print(
        f"{len(catalogue())} features, {len(files)} cells: "
        f"{1000 * total:.1f} ms per cell, {1 / total:.1f} cells/s on one core"
    )


def overlap() -> None:
    """Print mean intersection over union per class and over classes."""
    nuclei, cells = [], []
    for code in CODES:
        pairs = []
        for number in range(PER_CLASS):
            truth = draw_cell(code, SEED + number)
            found = segment(truth.image)
            nucleus = np.nan
            if truth.nucleus_mask.any():
                nucleus = _overlap(found.nucleus, truth.nucleus_mask)
            pairs.append((nucleus, _overlap(found.cell, truth.cell_mask)))
        nuclei.append(float(np.nanmean([nucleus for nucleus, _ in pairs])))
        cells.append(float(np.mean([cell for _, cell in pairs])))
        print(f"{code}  nucleus {nuclei[-1]:.3f}  cell {cells[-1]:.3f}")
    print(
        f"mean over {len(CODES)} classes: nucleus {np.mean(nuclei):.3f}, cell {np.mean(cells):.3f}"
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    speed(_files(sys.argv[1] if len(sys.argv) > 1 else None))
    overlap()
