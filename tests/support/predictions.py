"""Tables of predictions: random truth, answers that are mostly right."""

import numpy as np
import polars as pl

from marrowscope.morphology import CODES


def predictions(count: int = 300, seed: int = 0, codes: tuple[str, ...] = CODES) -> pl.DataFrame:
    """Random truth, predictions right for about 70 %."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(codes), count)
    values = random.dirichlet(np.full(len(codes), 0.3), count)
    values[np.arange(count), truth] += random.uniform(0, 1.2, count)
    values = (values / values.sum(1, keepdims=True)).astype(np.float32)
    return pl.DataFrame(
        {
            "cell_id": [f"c{k}" for k in range(count)],
            "path": [f"/nowhere/{k}.png" for k in range(count)],
            "label": [codes[k] for k in truth],
            "predicted": [codes[k] for k in values.argmax(1)],
            "confidence": values.max(1),
            **{f"p_{code}": values[:, k] for k, code in enumerate(codes)},
        }
    )
