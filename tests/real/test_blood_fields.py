"""Detection on real blood fields, with the same parameters as everywhere but the pixel size."""

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import pytest

from marrowscope.detection.detector import detect

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MARROWSCOPE_DATA", REPOSITORY.parent / "shared" / "data"))
FIELDS = DATA / "bccd-sample"
# A red cell of 7.2 µm is about 103 px wide in these pictures.
MICRONS_PER_PIXEL = 0.07


def white_cells(path: Path) -> list[tuple[int, int, int, int]]:
    root = ElementTree.parse(path).getroot()
    return [
        tuple(int(one.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
        for one in root.iter("object")
        if one.findtext("name") == "WBC"
    ]


@pytest.mark.skipif(not FIELDS.is_dir(), reason="the real blood fields are not at hand")
def test_white_cells_of_real_blood_fields_are_found() -> None:
    true = missed = false = 0
    no_cells = 0
    images = sorted((FIELDS / "JPEGImages").glob("*.jpg"))
    assert len(images) == 182
    for path in images:
        found = detect(cv2.imread(str(path))[:, :, ::-1], MICRONS_PER_PIXEL)
        left = found.select("x", "y").rows()
        no_cells += found.filter(found["kind"] != "cell").height
        for x0, y0, x1, y1 in white_cells(FIELDS / "Annotations" / f"{path.stem}.xml"):
            hit = next((at for at in left if x0 <= at[0] <= x1 and y0 <= at[1] <= y1), None)
            if hit is None:
                missed += 1
            else:
                true += 1
                left.remove(hit)
        false += len(left)
    assert true + missed == 187
    assert no_cells <= 1
    assert 2 * true / (2 * true + missed + false) >= 0.96
