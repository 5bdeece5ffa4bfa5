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
# Of the cells that took no part in choosing weights and limits (odd numbers) every so many.
EVERY = 2


@pytest.mark.skipif(not CELLS.is_dir(), reason="the sample of real cells is not at hand")
def test_intact_real_cells_are_cells() -> None:
    looked_at: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for code in INTACT:
        for path in sorted((CELLS / code).rglob("*.jpg"))[1 :: 2 * EVERY]:
            cells, measures = locate_nuclei(decode(path.read_bytes()), MICRONS_PER_PIXEL)
            if not cells.height:
                continue
            middle = np.hypot(*(cells.select("x", "y").to_numpy() - 124.5).T).argmin()
            looked_at[code] += 1
            # Whatever the border hides of the surroundings.
            lost[code] += classify_objects(measures)[0][int(middle)] != CELL
    assert min(looked_at.values()) >= 80
    assert max(lost.values()) <= 1
    assert lost.total() <= 2
