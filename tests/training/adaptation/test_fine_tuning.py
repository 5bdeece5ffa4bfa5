"""All layers learn from labelled cells; normalization keeps its statistics."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from marrowscope.dataset.stain_vectors import stain_array
from marrowscope.errors import InputError
from marrowscope.models.bundle import Bundle
from marrowscope.training.adaptation.fine_tuning import Lessons, fine_tune
from marrowscope.training.adaptation.teaching import label_places
from marrowscope.training.pixel_source import PixelSource
from support.adaptable import grey_cells, settled_bundle, small_bundle

pytestmark = pytest.mark.usefixtures("thin_network")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Eight cells of NGS, then eight of LYT."""
    return grey_cells(tmp_path_factory.mktemp("cells") / "grey", 8)


@pytest.fixture(scope="module")
def bundle(table: pl.DataFrame, thin_network: None) -> Bundle:
    return settled_bundle(table)


@pytest.fixture(scope="module")
def lessons(table: pl.DataFrame, bundle: Bundle) -> Lessons:
    stains = stain_array(table.with_columns(stain=None))
    return Lessons(PixelSource(table), stains, label_places(table, bundle.outputs).numpy())


def trained(
    bundle: Bundle, lessons: Lessons, rows: list[int], seed: int = 0, steps: int = 8
) -> nn.Module:
    made = fine_tune(
        bundle.model, lessons, np.array(rows), bundle.outputs, seed=seed, steps=steps, rate=1e-3
    )
    assert not made.training
    return made


def answers(network: nn.Module, bundle: Bundle, lessons: Lessons) -> np.ndarray:
    images, _ = lessons.pixels.batch(np.arange(16))
    with torch.inference_mode():
        logits = network(images.permute(0, 3, 1, 2).float() / 255)
    return bundle.outputs.log_probabilities(logits).argmax(dim=1).numpy()


def same(one: nn.Module, other: nn.Module) -> set[str]:
    """Names of tensors that are equal in both, bit by bit."""
    theirs = other.state_dict()
    return {name for name, value in one.state_dict().items() if torch.equal(value, theirs[name])}


def test_every_layer_moves_but_the_statistics(bundle: Bundle, lessons: Lessons) -> None:
    before = {name: value.clone() for name, value in bundle.model.state_dict().items()}
    made = trained(bundle, lessons, list(range(16)), steps=2)
    kept = same(made, bundle.model)
    assert kept == {name for name in before if "running_" in name or "num_batches" in name}
    assert all(
        torch.equal(value, before[name]) for name, value in bundle.model.state_dict().items()
    )


def test_classes_count_the_same_whatever_their_number(bundle: Bundle, lessons: Lessons) -> None:
    """Of LYT there is one cell among nine; every second image of a step is of it."""
    assert (answers(bundle.model, bundle, lessons) == lessons.labels).mean() <= 0.5
    made = trained(bundle, lessons, list(range(9)))
    assert (answers(made, bundle, lessons) == lessons.labels).mean() > 0.9


def test_cells_that_do_not_teach_change_nothing(bundle: Bundle, lessons: Lessons) -> None:
    wrong = replace(lessons, labels=lessons.labels.copy())
    wrong.labels[4:8] = lessons.labels[8]
    rows = [0, 1, 2, 3, *range(8, 16)]
    one, other = trained(bundle, lessons, rows, steps=2), trained(bundle, wrong, rows, steps=2)
    assert same(one, other) == set(one.state_dict())


def test_the_seed_decides(bundle: Bundle, lessons: Lessons) -> None:
    rows = list(range(16))
    one, again, other = (trained(bundle, lessons, rows, seed, steps=2) for seed in (0, 0, 1))
    assert same(one, again) == set(one.state_dict())
    assert "head.weight" not in same(one, other)


def test_a_loss_that_is_not_finite_ends_it(lessons: Lessons) -> None:
    bundle = small_bundle()
    bundle.model.get_submodule("head").bias.data[:] = torch.nan
    with pytest.raises(InputError, match="is not finite"):
        trained(bundle, lessons, list(range(16)), steps=1)
