"""The shipped model on real cells: files it was trained on, so only that everything fits."""

from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.cells import probabilities
from marrowscope.dataset.indexing import index
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.bundle import load_bundle
from marrowscope.morphology import CODES
from support.real_data import linked_sample


def test_the_shipped_model_classifies_ten_real_cells_of_each_class(
    mll_sample: Path, tmp_path: Path
) -> None:
    bundle = load_bundle("sequential-mll7")
    cells = index([linked_sample(mll_sample, tmp_path / "cells", 10)])
    result = predict_table(TorchEngine(bundle), cells)
    assert result.height == 70
    values = probabilities(result)
    assert values.shape == (70, 21)
    np.testing.assert_allclose(values.sum(1), 1, atol=1e-5)
    unknown = [CODES.index(code) for code in CODES if code not in bundle.card.known]
    assert len(unknown) == 14
    assert (values[:, unknown] == 0).all()
    # It was trained on these very images: far less would mean that something does not fit, such
    # as channel order, scale or class order.
    right = result.filter(pl.col("label") == pl.col("predicted")).height
    assert right >= 60
