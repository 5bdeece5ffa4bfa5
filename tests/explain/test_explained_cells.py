"""Which cells are explained, and how much of an explanation lies inside of synthetic cells."""

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.explain import explained_cells as explained
from marrowscope.explain.explained_cells import attribution_inside_phantoms, explained_cells
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell
from support.corner_network import Corner

KNOWN = ("BLA", "LYT")


@pytest.fixture(scope="module")
def network() -> Bundle:
    torch.manual_seed(0)
    return Bundle(create("sequential", 2).eval(), Card("toy", "sequential", KNOWN, KNOWN))


def test_the_best_classified_cells_are_chosen(network: Bundle, tmp_path: Path) -> None:
    paths = []
    for number, code in enumerate(("BLA", "BLA", "LYT", "BLA")):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), draw_cell(code, number).image[:, :, ::-1])
        paths.append(str(path))
    table = pl.DataFrame({
        "path": paths, "label": ["BLA", "BLA", "LYT", "LYT"],
        "predicted": ["BLA", "BLA", "LYT", "BLA"], "confidence": [0.6, 0.9, 0.7, 0.99],
    })  # fmt: skip
    cells = explained_cells(network, table)
    assert [(cell.code, cell.path) for cell in cells] == [("BLA", paths[1]), ("LYT", paths[2])]
    with pytest.raises(InputError, match="no correctly classified cell of EOS"):
        explained_cells(network, table, classes=("EOS",))


def test_where_no_explanation_is_defined_there_is_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained, "CODES", ("BLA",))
    blind = Corner().eval()
    torch.nn.init.zeros_(blind.layers[0].weight)
    found = attribution_inside_phantoms(Bundle(blind, Card("blind", "corner", KNOWN, KNOWN)), 1)
    assert np.isnan(list(found.values())).all()


def test_what_lies_inside_synthetic_cells_is_their_share_of_what_the_network_looks_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = ("BLA", "EOS", "LYT")
    monkeypatch.setattr(explained, "CODES", codes)
    corner = Bundle(Corner().eval(), Card("corner", "corner", KNOWN, KNOWN))
    masks = [draw_cell(code, 4).cell_mask for code in codes]
    found = attribution_inside_phantoms(corner, 1, seed=4)
    # Its gradient is the same all over the quarter that it sees, and 0 outside.
    quarter = np.mean([mask[:125, :125].mean() for mask in masks])
    assert found["SmoothGrad"] == pytest.approx(quarter, abs=1e-5)
    assert found["area"] == pytest.approx(np.mean([mask.mean() for mask in masks]))
    # Its last stage is how blue the image is, which a cell on bright ground is less.
    assert 0 < found["Grad-CAM"] < found["area"]
