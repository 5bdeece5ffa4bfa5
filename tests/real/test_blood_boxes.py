"""Boxes of real blood fields in, cells out."""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from marrowscope.dataset.indexing import index
from marrowscope.exchange.box_cells import cells_from_boxes
from marrowscope.exchange.box_crops import write_box_crops
from marrowscope.exchange.box_formats import read_boxes
from support.real_data import DATA

FIELDS = DATA / "bccd-sample"
MICRONS_PER_PIXEL = 0.07  # as in test_blood_fields


@pytest.mark.skipif(not FIELDS.is_dir(), reason="the real blood fields are not at hand")
def test_every_box_is_a_row_and_the_crops_show_white_cells(tmp_path: Path) -> None:
    stated = Counter(
        one.findtext("name")
        for path in (FIELDS / "Annotations").glob("*.xml")
        for one in ElementTree.parse(path).getroot().iter("object")
    )
    synonyms = {"rbc": None, "platelets": "ART"}
    cells = cells_from_boxes(read_boxes(FIELDS), synonyms, MICRONS_PER_PIXEL)
    assert {name: count for name, (count, _) in cells.names.items()} == stated
    assert cells.left_out == stated["RBC"]
    assert cells.table["error"].null_count() == cells.table.height
    cut = write_box_crops(cells.table, tmp_path / "crops")
    again = dict(index([tmp_path / "crops"]).select("path", "label").rows())
    assert again == dict(cut.select("path", "label").rows())
    white = cut.filter(cut["label"] == "WBC")["path"].to_list()
    # Nuclei take red light away: of the middle against the rest of the crop.
    darker = 0
    for path in white:
        red = cv2.imread(path)[:, :, 2].astype(float)
        darker += red[95:155, 95:155].mean() < np.median(red)
    assert darker >= 0.97 * len(white)
