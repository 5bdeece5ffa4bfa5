"""Which real cells are told as naked nuclei, smudges or debris.

    python benchmarks/real_kinds.py [DATA]

``DATA`` holds ``mll-sample`` (a folder for each class; 0.08625 µm/px) and ``pbc-sample`` (blood
cells of another laboratory; about 0.095 µm/px). Asked is the object nearest the middle of each
image. The even-numbered of each class served to choose weights and limits: the others count.
``nif_kinds.csv`` says what 300 of the images labelled not identifiable show, judged by eye from
pictures of 150 px: one reading, and not a cytologist's.
"""

import argparse
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from marrowscope.detection.detector import locate_nuclei
from marrowscope.detection.object_types import CELL, classify_objects
from marrowscope.io.image_decoding import decode
from side_by_side import SAMPLE

SETS = {"mll-sample": 0.08625, "pbc-sample": 0.095}
LABELS = Path(__file__).with_name("nif_kinds.csv")
UNCLEAR = "NIF"


def kind_in_the_middle(path: Path, microns_per_pixel: float) -> str | None:
    """What the object nearest the middle of an image is told as; None where there is none."""
    image = decode(path.read_bytes())
    cells, measures = locate_nuclei(image, microns_per_pixel)
    if not cells.height:
        return None
    middle = (image.shape[1] / 2 - 0.5, image.shape[0] / 2 - 0.5)
    nearest = np.hypot(*(cells.select("x", "y").to_numpy() - middle).T).argmin()
    return classify_objects(measures)[0][int(nearest)]


def main() -> None:
    """Print one line for each class, and one for each kind of what is not identifiable."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, nargs="?", default=SAMPLE.parent)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    seen = dict(pl.read_csv(LABELS).rows())
    for name, microns in SETS.items():
        for folder in sorted(one for one in (options.data / name).iterdir() if one.is_dir()):
            paths = sorted(folder.rglob("*.jpg"))
            kinds = [kind_in_the_middle(path, microns) for path in paths]
            parts = []
            for title, half in (("even", kinds[0::2]), ("odd", kinds[1::2])):
                there = [kind for kind in half if kind is not None]
                told = Counter(kind for kind in there if kind != CELL)
                parts.append(f"{title} {told.total()} of {len(there)} {dict(told) or ''}")
            print(f"{name} {folder.name}: told as no cell: {', '.join(parts)}", flush=True)
            if folder.name == UNCLEAR:
                there, lost = Counter(seen.values()), Counter()
                for path, told_as in zip(paths, kinds, strict=True):
                    lost[seen.get(path.name, "")] += told_as not in (CELL, None)
                for kind, count in sorted(there.items()):
                    print(f"  seen as {kind}: {lost[kind]} of {count}")


if __name__ == "__main__":
    main()
