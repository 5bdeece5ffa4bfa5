"""No intact real cell is taken for a naked nucleus, a smudge or debris."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from marrowscope.detection.detector import locate_nuclei
from marrowscope.detection.object_types import CELL, classify_objects
from marrowscope.io.image_decoding import decode
from marrowscope.preprocessing import MICRONS_PER_PIXEL

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MARROWSCOPE_DATA", REPOSITORY.parent / "shared" / "data"))
CELLS = DATA / "mll-sample"
INTACT = ("BLA", "EOS", "LYT", "MON", "NGS", "PMO")
# Blood of another laboratory: folders of intact cells, and their pixel size.
BLOOD, BLOOD_MICRONS = DATA / "pbc-sample", 0.095
# Of the cells that took no part in choosing weights and limits (odd numbers) every so many.
EVERY = 2


def told_as_no_cell(paths: list[Path], microns_per_pixel: float) -> tuple[int, int]:
    """How many have something in the middle, and how often that is told as no cell."""
    looked_at = lost = 0
    for path in paths:
        image = decode(path.read_bytes())
        cells, measures = locate_nuclei(image, microns_per_pixel)
        if not cells.height:
            continue
        centre = (image.shape[1] / 2 - 0.5, image.shape[0] / 2 - 0.5)
        middle = np.hypot(*(cells.select("x", "y").to_numpy() - centre).T).argmin()
        looked_at += 1
        # Whatever the border hides of the surroundings.
        lost += classify_objects(measures)[0][int(middle)] != CELL
    return looked_at, lost


@pytest.mark.skipif(not CELLS.is_dir(), reason="the sample of real cells is not at hand")
def test_intact_real_cells_are_cells() -> None:
    looked_at: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for code in INTACT:
        paths = sorted((CELLS / code).rglob("*.jpg"))[1 :: 2 * EVERY]
        looked_at[code], lost[code] = told_as_no_cell(paths, MICRONS_PER_PIXEL)
    assert min(looked_at.values()) >= 80
    assert max(lost.values()) <= 1
    assert lost.total() <= 2


@pytest.mark.skipif(not BLOOD.is_dir(), reason="the blood cells are not at hand")
@pytest.mark.parametrize("name", ["lymphocyte", "basophil", "erythroblast", "ig"])
def test_intact_blood_cells_of_another_laboratory_are_cells(name: str) -> None:
    paths = sorted((BLOOD / name).rglob("*.jpg"))[1 :: 2 * EVERY]
    looked_at, lost = told_as_no_cell(paths, BLOOD_MICRONS)
    assert looked_at >= 80
    assert lost <= 0.02 * looked_at
