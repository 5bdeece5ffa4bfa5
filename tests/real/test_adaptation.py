"""The shipped network, fitted to cells of a laboratory that it has not seen, finds more of them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.training.adaptation.adaptation_cells import adaptation_cells
from marrowscope.training.adaptation.network_adaptation import AdaptedNetwork, adapt_network
from support.real_data import DATA

SHARED = ("PMO", "NGS", "EOS", "MON", "LYT")  # by the shipped network and the sample
PREFIXES = {"PMO": "PMY", "NGS": "SNE", "EOS": "EO", "MON": "MO", "LYT": "LY"}
HELD_OUT, LABELLED = 12, 8  # cells of each class


@pytest.fixture(scope="module")
def cells() -> pl.DataFrame:
    """Of each class the first of a mixed order; ``split`` says which are held out."""
    folder = DATA / "pbc-sample"
    if not folder.is_dir():
        pytest.skip(f"real sample not found at {folder}; set MARROWSCOPE_DATA to its parent folder")
    rows = []
    for code in SHARED:
        paths = sorted(folder.rglob(f"{PREFIXES[code]}_*.jpg"))
        order = np.random.default_rng(0).permutation(len(paths))[: HELD_OUT + LABELLED]
        for place, number in enumerate(order.tolist()):
            part = "test" if place < HELD_OUT else "train"
            rows.append((paths[number].stem, str(paths[number]), code, part))
    assert len(rows) == (HELD_OUT + LABELLED) * len(SHARED)
    return pl.DataFrame(rows, schema=["cell_id", "path", "label", "split"], orient="row")


def accuracies(table: pl.DataFrame) -> tuple[float, float, AdaptedNetwork]:
    """Before, after, and the rest."""
    shipped = load_bundle("sequential-mll7")
    bundle = Bundle(shipped.model, replace(shipped.card, views=1))  # eight take a minute
    sorted_cells = adaptation_cells(table, bundle.card)
    made = adapt_network(bundle, sorted_cells)
    truth = sorted_cells.judged["label"].to_numpy()
    classes = np.array(bundle.outputs.classes)
    before, after = (
        float((classes[values.argmax(axis=1)] == truth).mean())
        for values in (made.before, made.after)
    )
    return before, after, made


def test_unlabelled_images_help_and_a_few_labels_help_more(cells: pl.DataFrame) -> None:
    nameless = pl.when(pl.col("split") == "test").then("label")
    before, statistics, first = accuracies(cells.with_columns(label=nameless))
    same, labelled, second = accuracies(cells)
    assert same == before
    assert before + 0.03 < statistics < labelled
    assert first.steps == ("statistics of normalization",)
    assert second.steps == ("statistics of normalization", "last layer")
    assert labelled > 0.85
