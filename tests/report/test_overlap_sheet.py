"""The sheet of overlapping crops: pairs side by side, the shared part outlined."""

from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.dataset.crop_orientations import ORIENTATIONS
from marrowscope.io.image_encoding import encode_png
from marrowscope.report.overlap_sheet import GAP, SHOWN, overlap_sheet


def test_a_pair_is_side_by_side_with_its_shared_part_outlined(tmp_path: Path) -> None:
    for name, grey in (("a", 100), ("b", 200)):
        (tmp_path / f"{name}.png").write_bytes(encode_png(np.full((250, 250, 3), grey, np.uint8)))
    table = pl.DataFrame(
        {"cell_id": ["a", "b"], "path": [str(tmp_path / f"{name}.png") for name in "ab"]}
    )
    pairs = pl.DataFrame(
        {
            "cell_one": ["a"],
            "cell_two": ["b"],
            "dx": [40],
            "dy": [0],
            "orientation": [ORIENTATIONS[0]],
            "scale": [1.0],
            "correlation": [0.9],
        }
    )
    sheet = overlap_sheet(table, pairs)
    assert sheet.shape == (250 + GAP, 500 + GAP, 3)
    assert sheet[125, 20].tolist() == [100] * 3  # left of what the two share
    green = (sheet[..., 1] == 160) & (sheet[..., 0] == 0)
    assert green[125, 40]
    assert green[125, 250]  # in the second image the shared part begins at its border
    assert not green[125, 200]
    many = overlap_sheet(table, pl.concat([pairs] * (SHOWN + 10)))
    assert many.shape[0] == SHOWN // 3 * (250 + GAP)
