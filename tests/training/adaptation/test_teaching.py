"""Which layers labels teach, and that what answers a cell has not been taught by it."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.training.adaptation import teaching
from marrowscope.training.adaptation.adaptation_cells import (
    PART,
    AdaptationCells,
    adaptation_cells,
)
from marrowscope.training.adaptation.fine_tuning import Lessons, fine_tune
from marrowscope.training.adaptation.network_features import (
    head_probabilities,
    last_layer,
    network_features,
)
from marrowscope.training.adaptation.teaching import (
    TaughtNetwork,
    layers_to_teach,
    require_layers,
    teach,
)
from support.adaptable import CARD, grey_cells, settled_bundle, small_bundle

pytestmark = pytest.mark.usefixtures("thin_network")


def knowing(*codes: str, side: int = 2) -> Bundle:
    """A network of one layer."""
    return Bundle(nn.Linear(side, side), Card("m", "sequential", codes, codes))


def test_all_layers_learn_from_fifty_cells_of_every_class_on() -> None:
    model = knowing("NGS", "LYT")
    assert layers_to_teach("auto", {"NGS": 50, "LYT": 60}, model, "cpu") == ("all", None)
    assert layers_to_teach("auto", {"NGS": 49, "LYT": 60}, model, "cpu") == ("last", None)


def test_all_layers_do_not_learn_where_a_class_has_no_cell_unless_it_is_asked_for() -> None:
    model, many = knowing("BLA", "NGS", "LYT"), {"NGS": 50, "LYT": 50}
    which, said = layers_to_teach("auto", many, model, "cuda")
    assert which == "last"
    assert "no cell is labelled BLA" in str(said)
    assert layers_to_teach("all", many, model, "cuda") == ("all", None)


def test_a_large_network_is_trained_as_a_whole_on_a_gpu_or_when_asked_for() -> None:
    model, many = knowing("NGS", "LYT", side=4000), {"NGS": 50, "LYT": 50}
    which, said = layers_to_teach("auto", many, model, "cpu")
    assert which == "last"
    assert "to train all 16 million weights takes a GPU" in str(said)
    assert layers_to_teach("auto", many, model, "cuda") == ("all", None)
    assert layers_to_teach("all", many, model, "cpu") == ("all", None)


def test_a_choice_counts_more_than_the_number_of_cells() -> None:
    model = knowing("NGS", "LYT")
    assert layers_to_teach("last", {"NGS": 500, "LYT": 500}, model, "cpu") == ("last", None)
    assert layers_to_teach("all", {"NGS": 5, "LYT": 5}, model, "cpu") == ("all", None)


def test_an_unknown_choice_is_refused() -> None:
    require_layers("auto")
    with pytest.raises(InputError, match="`layers` first: expected auto, none, last or all"):
        require_layers("first")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return grey_cells(tmp_path_factory.mktemp("cells") / "grey", 10)


def taught(cells: AdaptationCells, layers: str) -> TaughtNetwork:
    bundle = settled_bundle(cells.shown)
    features = network_features([bundle.model], cells.judged, 1, torch.device("cpu"), None)[0]
    return teach(bundle.model, cells, features, bundle.outputs, layers)


@pytest.fixture
def quick_training(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Three steps instead of all; takes note of how many cells each training has."""
    sizes: list[int] = []

    def few_steps(
        network: nn.Module, lessons: Lessons, rows: Any, *given: Any, **named: Any
    ) -> Any:
        sizes.append(len(rows))
        return fine_tune(network, lessons, rows, *given, **named, steps=3, rate=1e-3)

    monkeypatch.setattr(teaching, "fine_tune", few_steps)
    return sizes


@pytest.mark.parametrize("layers", ["last", "all"])
def test_a_cell_is_answered_by_a_network_that_its_part_has_not_taught(
    table: pl.DataFrame, layers: str, quick_training: list[int]
) -> None:
    """The labels of one part are exchanged: its own answers stay, those to others change."""
    cells = adaptation_cells(table, CARD)
    parts = cells.judged.with_columns(pl.col(PART) % 2)  # two are enough
    own = parts[PART] == 0
    other = pl.when(pl.col("label") == "NGS").then(pl.lit("LYT")).otherwise(pl.lit("NGS"))
    wrong = parts.with_columns(label=pl.when(own).then(other).otherwise("label"))
    one = taught(replace(cells, taught=parts, judged=parts), layers).after
    two = taught(replace(cells, taught=wrong, judged=wrong), layers).after
    np.testing.assert_allclose(one[own.to_numpy()], two[own.to_numpy()], atol=1e-4)
    assert np.abs(one[~own.to_numpy()] - two[~own.to_numpy()]).max() > 1e-2
    assert quick_training == ([] if layers == "last" else [20, 8, 12] * 2)


def test_cells_of_a_split_are_answered_by_the_network_that_is_kept(
    table: pl.DataFrame, quick_training: list[int]
) -> None:
    split = pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("train"))
    more = pl.concat([table, table.with_columns(pl.lit("twin").alias("cell_id"))])
    cells = adaptation_cells(more.with_columns(split=split.otherwise(pl.lit("test"))), CARD)
    bundle = small_bundle()
    both = pl.concat([cells.judged, cells.taught])
    features = network_features([bundle.model], both, 1, torch.device("cpu"), None)[0]
    made = teach(bundle.model, cells, features, bundle.outputs, "all")
    assert quick_training == [10]
    again = network_features([made.network], cells.judged, 1, torch.device("cpu"), None)[0]
    expected = head_probabilities(again, last_layer(made.network), bundle.outputs)
    np.testing.assert_allclose(made.after, expected, atol=1e-6)
