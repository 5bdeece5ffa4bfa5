"""Explanations of networks whose weights are made random, layer by layer."""

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.explain.weight_randomization import cascading_randomization, similarity
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell

KNOWN = ("BLA", "LYT")


@pytest.fixture(scope="module")
def network() -> Bundle:
    torch.manual_seed(0)
    return Bundle(create("sequential", 2).eval(), Card("toy", "sequential", KNOWN, KNOWN))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return draw_cell("BLA", 3).image


def test_similarity_of_equal_and_of_unlike_maps() -> None:
    random = np.random.default_rng(0)
    smooth = [cv2.GaussianBlur(random.random((64, 64)).astype(np.float32), (0, 0), 4)
              for _ in range(2)]  # fmt: skip
    assert similarity(smooth[:1], smooth[:1]) == (pytest.approx(1), pytest.approx(1))
    ranks, structure = similarity(smooth[:1], smooth[1:])
    assert abs(ranks) < 0.5
    assert structure < 0.9
    assert np.isnan(similarity([np.zeros((64, 64), np.float32)], smooth[:1])[0])


def test_explanations_of_a_random_network_differ_and_the_network_stays(
    network: Bundle, image: np.ndarray
) -> None:
    weights = {name: value.clone() for name, value in network.model.state_dict().items()}
    curves = cascading_randomization(network, [(image, "BLA")], seed=3)
    first = curves.filter(pl.col("step") == 0)
    assert first["spearman"].to_list() == [1.0, 1.0]
    last = curves.filter((pl.col("step") == curves["step"].max()) & (pl.col("method") != "x"))
    assert (last["spearman"].fill_nan(0) < 0.9).all()
    assert curves["step"].max() <= 12
    for name, value in network.model.state_dict().items():
        assert torch.equal(value, weights[name])
