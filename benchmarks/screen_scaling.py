"""How the cost of screening for overlaps grows with the number of images, and what it finds.

Crops of cells are cut from synthetic fields whose every overlap is known and compressed as JPEG.
One of twenty is replaced by a turned or mirrored copy of the one before it, and another by a copy
that is enlarged or shrunk by a tenth as well; both are compressed again with quality 75.
For each number of images: seconds of processor time for landmarks, and for candidates with their
proof on pixels (decoding included); share of the true overlaps of at least a quarter that are
found; share of the found ones that are true. The exponent is the slope of log time over log
number. Peer, on a small set in the same run: OpenCV SIFT with brute-force matching of all pairs.

    python benchmarks/screen_scaling.py [--most 2500] [--crops FILE.npz] [--images FOLDER] [--json]

``--most 40000`` takes about half an hour, most of it for drawing fields; ``--crops`` keeps what was
drawn for the next run. ``--images FOLDER`` takes cells from there instead, up to six times as many.
"""

import argparse
import itertools
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from marrowscope.cell_pixels import crop_from_field
from marrowscope.dataset.landmarks import landmarks
from marrowscope.dataset.overlap_detection import find_overlaps
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from side_by_side import versions

PUBLIC_IMAGES = 171_374
PEER_IMAGES = 60


def drawn(seed: int) -> list[tuple[bytes, int, int, int]]:
    """Encoded crops of one field with seed, x and y; no field repeats a cell of another."""
    cv2.setNumThreads(1)
    library = CellLibrary(MICRONS_PER_PIXEL, seed, per_class=20)
    field = draw_field(FieldSettings(cells_per_mm2=1500), seed, library)
    height, width = field.image.shape[:2]
    crops = []
    for x, y in field.cells.select("x", "y").rows():
        if 130 < x < width - 130 and 130 < y < height - 130:
            crop = crop_from_field(field.image, x, y, MICRONS_PER_PIXEL)
            data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
            crops.append((data, seed, round(x), round(y)))
    return crops


def cells(count: int) -> tuple[list[bytes], np.ndarray]:
    """Encoded crops, and field, x and y of each."""
    found: list[tuple[bytes, int, int, int]] = []
    seeds = itertools.count(5_000)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        while len(found) < count:
            for crops in pool.map(drawn, itertools.islice(seeds, 16)):
                found += crops
    del found[count:]
    return [data for data, *_ in found], np.array([place for _, *place in found])


def real_crops(folder: Path, count: int) -> tuple[list[bytes], np.ndarray]:
    """Real cells, and to make them more the same turned by 30° and 60°: strangers to a screen.

    Where real cells overlap is not known, so that every pair but a copy counts as wrong.
    """
    crops: list[bytes] = []
    for angle in (0, 30, 60, 15, 45, 75):
        matrix = cv2.getRotationMatrix2D((124.5, 124.5), angle, 1)
        for path in sorted(folder.rglob("*.jpg")):
            if len(crops) == count:
                break
            image = cv2.resize(decoded(path.read_bytes()), (250, 250))
            turned = cv2.warpAffine(image, matrix, (250, 250), borderMode=cv2.BORDER_REFLECT)
            crops.append(cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    return crops, np.array([(number, 0, 0) for number in range(len(crops))])


def with_copies(crops: list[bytes], places: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    """Replace one of ten by a copy of the one before it; returns which copies are rescaled."""
    crops, scales = list(crops), np.ones(len(crops))
    for row in range(9, len(crops), 10):
        number = row // 10
        image = decoded(crops[row - 1])
        turned = np.rot90(image[:, ::-1] if number % 8 >= 4 else image, number % 4)
        scales[row] = (1.0, 0.9, 1.0, 1.1)[number % 4]
        matrix = cv2.getRotationMatrix2D((124.5, 124.5), 0, scales[row])
        copy = cv2.warpAffine(turned, matrix, (250, 250), borderMode=cv2.BORDER_REFLECT)
        crops[row] = cv2.imencode(".jpg", copy, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()
        places[row] = places[row - 1]
    return crops, scales


def drawn_once(count: int, keep: Path | None) -> tuple[list[bytes], np.ndarray]:
    """As ``cells``, from a file where there is one."""
    if keep is None or not keep.exists():
        crops, places = cells(count)
        if keep is not None:
            lengths = np.array([len(data) for data in crops])
            joined = np.frombuffer(b"".join(crops), np.uint8)
            np.savez(keep, joined=joined, lengths=lengths, places=places)
        return crops, places
    with np.load(keep, allow_pickle=False) as kept:
        ends = np.cumsum(kept["lengths"])[:count]
        joined, places = kept["joined"].tobytes(), kept["places"][:count]
    return [joined[low:high] for low, high in zip((0, *ends), ends, strict=False)], places


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def true_overlaps(places: np.ndarray) -> dict[tuple[int, int], float]:
    """Shared area of every pair that shares any; fields come one after the other."""
    truth = {}
    for one in range(len(places)):
        for two in range(one + 1, len(places)):
            if places[two, 0] != places[one, 0]:
                break
            x, y = np.abs(places[two, 1:] - places[one, 1:])
            if x < 250 and y < 250:
                truth[one, two] = float((250 - x) * (250 - y)) / 250**2
    return truth


def brute_force(crops: list[bytes]) -> float:
    """Processor seconds per pair of images: SIFT features compared one by one."""
    sift, matcher = cv2.SIFT_create(), cv2.BFMatcher()
    found = [sift.detectAndCompute(decoded(data), None)[1] for data in crops]
    began = time.process_time()
    for one, two in itertools.combinations(found, 2):
        matcher.knnMatch(one, two, k=2)
    return (time.process_time() - began) / (len(found) * (len(found) - 1) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=2_500)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--crops", type=Path)
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.images is None:
        crops, places = drawn_once(options.most, options.crops)
    else:
        crops, places = real_crops(options.images, options.most)
    crops, scales = with_copies(crops, places)
    # The loops are compiled before time is taken.
    few = [landmarks(decoded(data)) for data in crops[:50]]
    find_overlaps(few, lambda number: decoded(crops[number]))
    copies = range(9, len(crops), 10)
    turned = {(row - 1, row) for row in copies if scales[row] == 1}
    rescaled = {(row - 1, row) for row in copies if scales[row] != 1}
    truth = true_overlaps(places)
    rows = []
    for count in (options.most // 16, options.most // 4, options.most):
        began = time.process_time()
        found = [landmarks(decoded(data)) for data in crops[:count]]
        middle = time.process_time()
        pairs = {
            (pair.one, pair.two)
            for pair in find_overlaps(found, lambda number: decoded(crops[number]))
        }
        end = time.process_time()
        large = {
            pair
            for pair, share in truth.items()
            if share >= 0.25 and pair[1] < count and scales[list(pair)].tolist() == [1, 1]
        }
        rows.append({
            "images": count, "landmark_seconds": middle - began, "overlap_seconds": end - middle,
            "true_pairs": len(large), "recall": len(large & pairs) / max(1, len(large)),
            "precision": len(pairs & set(truth)) / max(1, len(pairs)),
            **{
                f"{name}_copies_found": len(those & pairs) / sum(two < count for _, two in those)
                for name, those in (("turned", turned), ("rescaled", rescaled))
            },
        })  # fmt: skip
    total = [row["landmark_seconds"] + row["overlap_seconds"] for row in rows]
    exponent = float(np.polyfit(np.log([row["images"] for row in rows]), np.log(total), 1)[0])
    public = total[-1] * (PUBLIC_IMAGES / rows[-1]["images"]) ** exponent / 3600
    peer = brute_force(crops[:PEER_IMAGES]) * PUBLIC_IMAGES**2 / 2 / 3600
    result = {
        "sizes": rows, "exponent": exponent, "hours_for_171374_one_core": public,
        "brute_force_hours": peer, "ratio": peer / public,
        **versions("numba", "opencv-python-headless"),
    }  # fmt: skip
    if options.json:
        print(json.dumps(result))
        return
    print("Screening for overlaps, one core")
    for row in rows:
        print("  " + ", ".join(f"{name} {value:.4g}" for name, value in row.items()))
    print(f"  exponent {exponent:.3f}; 171,374 images by that: {public:.2f} h")
    print(f"  brute force over all pairs: {peer:.0f} h, {peer / public:.0f} times as long")


if __name__ == "__main__":
    main()
