"""A slide shows the glass around its smear; a field of a camera does not."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.io.image_encoding import encode_png
from marrowscope.slides.glass_border import lies_on_glass
from marrowscope.slides.open_slide import open_slide
from support.slide_files import draw_cells, on_glass

SMEAR = draw_cells(200, 200, 0.4, 1500, 0.5)
GLASS = on_glass(SMEAR, 60)
DUSTY = GLASS.copy()
DUSTY[:3, 50:60] = 30
VIGNETTE = np.pad(SMEAR, ((60, 60), (60, 60), (0, 0)))  # the black rim of an eyepiece


@pytest.mark.parametrize(
    ("picture", "lies"),
    [(GLASS, True), (GLASS[60:], True), (DUSTY, True), (GLASS[60:-60], False), (SMEAR, False),
     (VIGNETTE, False), (np.full((300, 300, 3), 240, np.uint8), True)],
)  # fmt: skip
def test_three_bare_sides_are_glass(picture: NDArray[np.uint8], lies: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(np.ascontiguousarray(picture)))
    assert lies_on_glass(open_slide(path, 0.5)) is lies
