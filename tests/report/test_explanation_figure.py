"""Maps as pictures: grey for SmoothGrad, colours over the image for Grad-CAM."""

import numpy as np
import polars as pl

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.explain.explained_cells import ExplainedCell
from marrowscope.report.explanation_figure import (
    explanation_figure,
    overlay,
    sanity_figure,
    to_grey,
)

MAP = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)


def test_grey_goes_from_nothing_to_the_largest_value() -> None:
    grey = to_grey(MAP)
    assert grey.min() == 0
    assert grey.max() == 255
    assert (np.diff(grey.ravel().astype(int)) >= 0).all()
    assert (to_grey(np.zeros((5, 5), np.float32)) == 0).all()


def test_more_is_redder_and_the_image_shines_through() -> None:
    image = np.full((10, 10, 3), 100, np.uint8)
    found = overlay(image, MAP).astype(int)
    assert found[0, 0, 2] > found[0, 0, 0]
    assert found[9, 9, 0] > found[9, 9, 2]
    assert (found >= 0.5 * 100).all()
    assert (overlay(image, np.zeros((10, 10), np.float32)) >= 50).all()


def test_a_column_is_a_cell_and_its_name_is_no_formula() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    cells = [ExplainedCell(f"${name}$", "LYT", name, image, MAP, MAP) for name in "ab"]
    figure = explanation_figure(cells, "two $cells$")
    figure.canvas.draw()
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in figure.axes[:2]] == ["$a$", "$b$"]
    assert figure.get_supxlabel() == RESEARCH_USE_ONLY


def test_similarity_is_drawn_for_both_methods() -> None:
    curves = pl.DataFrame(
        {
            "method": ["SmoothGrad"] * 3 + ["Grad-CAM"] * 3,
            "step": [0, 1, 2] * 2,
            "spearman": [1.0, 0.5, 0.1] * 2,
            "ssim": [1.0, 0.6, 0.2] * 2,
        }
    )
    figure = sanity_figure(curves, "sanity")
    lines = figure.axes[0].get_lines()[:2]
    assert [line.get_ydata().tolist() for line in lines] == [[1.0, 0.5, 0.1]] * 2
    assert figure.axes[1].get_title() == "SSIM"
