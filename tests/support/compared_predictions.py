"""Predictions of models that are right so often, for the same cells in folds."""

import numpy as np
import polars as pl


def predictions(seed: int, right: float, cells: int = 400, folds: int = 5) -> pl.DataFrame:
    truth = np.random.default_rng(0).choice(["LYT", "MON", "EOS"], cells)
    random = np.random.default_rng(seed)
    guess = random.choice(["LYT", "MON", "EOS"], cells)
    answer = np.where(random.random(cells) < right, truth, guess)
    return pl.DataFrame(
        {
            "cell_id": [f"cell {n}" for n in range(cells)],
            "label": truth,
            "predicted": answer,
            "fold": np.arange(cells) % folds,
        }
    )
