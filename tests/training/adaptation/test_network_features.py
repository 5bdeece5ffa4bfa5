"""What lies below a last layer is computed once, and gives what the whole network gives."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.training.adaptation.network_features import (
    head_probabilities,
    image_batches,
    last_layer,
    network_features,
)
from support.adaptable import CARD, grey_cells, small_bundle

pytestmark = pytest.mark.usefixtures("thin_network")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return grey_cells(tmp_path_factory.mktemp("cells") / "grey", 3)


@pytest.mark.parametrize("views", [1, 8])
@pytest.mark.parametrize("name", ["sequential", "efficientnet-lite0"])
def test_features_and_last_layer_are_the_network(
    table: pl.DataFrame, name: str, views: int
) -> None:
    torch.manual_seed(0)
    network = create(name, len(CARD.outputs)).eval().requires_grad_(False)
    bundle = Bundle(network, replace(CARD, architecture=name, views=views))
    rows = table.head(2)
    features = network_features([network], rows, views, CPU, None)[0]
    assert features.shape[:2] == (views, 2)
    found = head_probabilities(features, last_layer(network), bundle.outputs)
    images = torch.cat(list(image_batches(rows, 2, CPU, None)))
    pixels = (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    np.testing.assert_allclose(found, TorchEngine(bundle).probabilities(pixels), atol=1e-5)


def test_networks_share_the_reading_and_one_given_twice_is_computed_once(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, seen = small_bundle().model, []
    original = network.features
    monkeypatch.setattr(network, "features", lambda x: seen.append(len(x)) or original(x))
    one, two = network_features([network, network], table, 1, CPU, None)
    assert one is two
    assert seen == [6]


def test_no_rows_give_no_probabilities(table: pl.DataFrame) -> None:
    bundle = small_bundle()
    features = network_features([bundle.model], table.clear(), 8, CPU, None)[0]
    assert features.shape == (8, 0, 0)
    found = head_probabilities(features, last_layer(bundle.model), bundle.outputs)
    assert found.shape == (0, len(bundle.outputs.classes))


def test_batches_hold_every_row_in_its_order_and_tell_their_progress(table: pl.DataFrame) -> None:
    told: list[tuple[int, int]] = []
    batches = list(
        image_batches(table, 4, CPU, lambda done=1, total=None: told.append((done, total)))
    )
    assert [len(batch) for batch in batches] == [4, 2]
    assert told == [(4, 6), (2, 6)]
    levels = torch.cat(batches).mean(dim=(1, 2, 3)) * 255
    np.testing.assert_allclose(levels, [150] * 3 + [110] * 3, atol=3)


def test_features_that_are_not_finite_are_refused(table: pl.DataFrame) -> None:
    network = small_bundle().model
    network.get_submodule("pool_norm").bias.data[0] = torch.inf
    with pytest.raises(InputError, match="not finite; the model is damaged"):
        network_features([network], table, 1, CPU, None)
