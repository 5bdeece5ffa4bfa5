"""Explanations: gradients as defined, maps on the cell, and tests that they depend on learning."""

import numpy as np
import pytest
import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.explain.attribution import grad_cam, share_inside, smoothgrad
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell
from support.corner_network import Corner

KNOWN = ("BLA", "LYT")


@pytest.fixture(scope="module")
def corner() -> Bundle:
    return Bundle(Corner().eval(), Card("corner", "corner", KNOWN, KNOWN))


@pytest.fixture(scope="module")
def network() -> Bundle:
    torch.manual_seed(0)
    return Bundle(create("sequential", 2).eval(), Card("toy", "sequential", KNOWN, KNOWN))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return draw_cell("BLA", 3).image


def test_smoothgrad_is_the_gradient_where_there_is_one(corner: Bundle, image: np.ndarray) -> None:
    found = smoothgrad(corner, image, "BLA", samples=10)
    assert found.shape == (250, 250)
    assert (found[:125, :125] > 0).all()
    assert (found[125:] == 0).all()
    assert (found[:, 125:] == 0).all()


def test_grad_cam_is_the_weighted_map_of_the_last_stage(corner: Bundle, image: np.ndarray) -> None:
    # One map (blue), one positive weight: the explanation is proportional to it.
    found = grad_cam(corner, image, "BLA")
    blue = image[..., 2].astype(float)
    assert np.corrcoef(found.ravel(), blue.ravel())[0, 1] > 0.9999
    assert grad_cam(corner, image, "LYT").max() == 0  # blue speaks against it


@pytest.mark.parametrize("name", ["sequential", "resnext50", "efficientnet-lite0"])
def test_networks_can_be_explained_and_the_seed_decides(name: str, image: np.ndarray) -> None:
    torch.manual_seed(0)
    bundle = Bundle(create(name, 2).eval(), Card("toy", name, KNOWN, KNOWN))
    before = torch.random.get_rng_state()
    first = smoothgrad(bundle, image, "LYT", seed=1, samples=3)
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_array_equal(first, smoothgrad(bundle, image, "LYT", seed=1, samples=3))
    assert not np.array_equal(first, smoothgrad(bundle, image, "LYT", seed=2, samples=3))
    assert grad_cam(bundle, image, "LYT").shape == (250, 250)


def test_what_has_no_gradient_and_what_is_not_known_is_refused(
    network: Bundle, image: np.ndarray
) -> None:
    plain = Bundle(nn.Identity(), Card("svm", "features", KNOWN, KNOWN))
    with pytest.raises(InputError, match="no last convolution stage"):
        grad_cam(plain, image, "BLA")
    with pytest.raises(InputError, match="does not know class EOS"):
        smoothgrad(network, image, "EOS")


def test_the_share_inside_by_hand() -> None:
    values = np.array([[3.0, 1.0], [0.0, 0.0]], np.float32)
    assert share_inside(values, np.array([[True, False], [True, False]])) == 0.75
    assert np.isnan(share_inside(np.zeros((2, 2), np.float32), np.ones((2, 2), bool)))


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="the mask is 3 × 4, the map 4 × 4"):
        share_inside(np.ones((4, 4), np.float32), np.ones((3, 4), dtype=bool))
