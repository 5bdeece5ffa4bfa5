"""Which cells are explained, and how much of an explanation lies inside of synthetic cells."""

from pathlib import Path

import cv2
import polars as pl
import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.explain.explained_cells import attribution_inside_phantoms, explained_cells
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell

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


def test_a_network_that_sees_the_cell_has_more_inside_than_chance(network: Bundle) -> None:
    found = attribution_inside_phantoms(network, 1)
    assert set(found) == {"SmoothGrad", "Grad-CAM", "area"}
    assert all(0 < value < 1 for value in found.values())
