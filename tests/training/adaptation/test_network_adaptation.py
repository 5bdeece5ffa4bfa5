"""A network is adapted to cells; what judges it has not taught it."""

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.models.knn_head import KnnHead
from marrowscope.training.adaptation.adaptation_cells import adaptation_cells
from marrowscope.training.adaptation.network_adaptation import (
    AdaptedNetwork,
    adapt_network,
    effective_classes,
    require_adaptable,
)
from support.adaptable import CARD, grey_cells, small_bundle

pytestmark = pytest.mark.usefixtures("thin_network")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return grey_cells(tmp_path_factory.mktemp("cells") / "grey")


def adapted(table: pl.DataFrame, *, teach: bool = True) -> AdaptedNetwork:
    return adapt_network(small_bundle(), adaptation_cells(table, CARD, teach=teach))


@pytest.fixture(scope="module")
def taught(table: pl.DataFrame, thin_network: None) -> AdaptedNetwork:
    return adapted(table)


def accuracy(values: np.ndarray, table: pl.DataFrame) -> float:
    classes = small_bundle().outputs.classes
    found = [classes[place] for place in values.argmax(axis=1)]
    return float(np.mean([one == label for one, label in zip(found, table["label"], strict=True)]))


def test_labels_teach_the_last_layer(taught: AdaptedNetwork, table: pl.DataFrame) -> None:
    assert taught.steps == ("statistics of normalization", "last layer")
    assert taught.facts["labelled"] == {"LYT": 12, "NGS": 12}
    assert accuracy(taught.before, table) <= 0.5 < 0.9 < accuracy(taught.after, table)


def test_the_answer_to_a_cell_does_not_know_its_label(
    taught: AdaptedNetwork, table: pl.DataFrame
) -> None:
    cells = adaptation_cells(table, CARD)
    wrong = cells.judged.with_columns(
        label=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("LYT")).otherwise("label")
    )
    other = adapt_network(
        small_bundle(), type(cells)(cells.shown, wrong, wrong, cells.method, cells.unknown)
    )
    np.testing.assert_allclose(other.after[0], taught.after[0], atol=1e-4)
    assert not np.allclose(other.after[5:], taught.after[5:], atol=1e-3)


def test_layers_below_the_last_keep_their_weights_and_classes_without_cells_their_rows(
    taught: AdaptedNetwork,
) -> None:
    old, new = small_bundle().model.state_dict(), taught.network.state_dict()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    expected = {name for name in old if name.startswith("head.") or ".running_" in f".{name}"}
    assert changed <= expected
    assert {"head.weight", "head.bias"} <= changed
    eosinophil = CARD.outputs.index("EOS")
    assert torch.equal(old["head.weight"][eosinophil], new["head.weight"][eosinophil])


def test_without_labels_the_statistics_alone_change(
    taught: AdaptedNetwork, table: pl.DataFrame
) -> None:
    bundle = Bundle(taught.network, CARD)
    found = adapt_network(bundle, adaptation_cells(table.drop("label"), CARD))
    assert found.steps == ("statistics of normalization",)
    assert found.before.shape == found.after.shape == (0, len(bundle.outputs.classes))
    assert found.facts == {"statistics_images": 24, "statistics_weight": round(24 / 88, 3)}
    old, new = taught.network.state_dict(), found.network.state_dict()
    assert torch.equal(old["head.weight"], new["head.weight"])
    assert not torch.equal(old["layers.1.running_mean"], new["layers.1.running_mean"])


def test_statistics_of_few_classes_are_not_taken(
    taught: AdaptedNetwork, table: pl.DataFrame
) -> None:
    bundle = Bundle(taught.network, CARD)
    alike = pl.concat([table.filter(pl.col("label") == "LYT")] * 2)
    with pytest.raises(InputError, match=r"of 1\.0 classes.*; 1\.5 of the 3 that old knows"):
        adapt_network(bundle, adaptation_cells(alike.drop("label"), CARD))
    mostly = pl.concat([alike, alike, table.filter(pl.col("label") == "NGS").head(4)])
    found = adapt_network(bundle, adaptation_cells(mostly, CARD))
    assert found.steps == ("last layer",)
    assert "statistics of normalization stay as they are" in found.remarks[0]
    kept = found.network.state_dict()["layers.1.running_mean"]
    assert torch.equal(kept, taught.network.state_dict()["layers.1.running_mean"])


def test_classes_are_counted_as_if_they_were_equally_frequent() -> None:
    assert effective_classes(["LYT"] * 5) == pytest.approx(1)
    assert effective_classes(["LYT", "NGS", "EOS"] * 4) == pytest.approx(3)
    # Shares of 3/4 and 1/4: 4 / 3 ** (3 / 4).
    assert effective_classes(["LYT", "LYT", "LYT", "NGS"]) == pytest.approx(4 / 3**0.75)


def test_the_same_cells_and_seed_give_the_same_bits(
    taught: AdaptedNetwork, table: pl.DataFrame
) -> None:
    again = adapted(table).network.state_dict()
    assert all(torch.equal(value, again[key]) for key, value in taught.network.state_dict().items())


def test_cells_of_a_split_are_judged_by_the_network_that_is_kept(table: pl.DataFrame) -> None:
    split = pl.when(pl.int_range(pl.len()).over("label") < 2).then(pl.lit("train"))
    table = table.with_columns(split=split.otherwise(pl.lit("test")))
    cells = adaptation_cells(table, CARD, teach=False)
    with pytest.raises(InputError, match=r"4 readable images; .* 16 or more"):
        adapt_network(small_bundle(), cells)
    extra = table.with_columns(label=pl.lit(None, pl.String), split=pl.lit(None, pl.String))
    cells = adaptation_cells(pl.concat([table, extra]), CARD)
    found = adapt_network(small_bundle(), cells)
    assert found.facts["labelled"] == {"LYT": 2, "NGS": 2}
    assert len(found.after) == 20
    assert accuracy(found.after, cells.judged) > 0.9


class Plain(nn.Module):
    """Without normalization."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head


def test_models_with_nothing_to_adapt_are_refused() -> None:
    bank = KnnHead(torch.eye(2), torch.tensor([0, 1]), torch.eye(2), 1)
    pair = Card("k", "timm:some", ("A", "B"), ("A", "B"))
    with pytest.raises(InputError, match="k: its last layer is the vote of neighbours"):
        require_adaptable(Bundle(Plain(bank), pair), has_labels=True)
    linear = Bundle(Plain(nn.Linear(2, 2)), pair)
    require_adaptable(linear, has_labels=True)
    with pytest.raises(InputError, match=r"no batch normalization.* label some cells"):
        require_adaptable(linear, has_labels=False)
    measured = Card("svm", "features", ("A", "B"), ("A", "B"))
    with pytest.raises(InputError, match="svm: is made of measured features"):
        require_adaptable(Bundle(nn.Identity(), measured), has_labels=True)
