"""Feature values that tell a few classes apart."""

import numpy as np

from marrowscope.features.feature_catalogue import names


def made_up(seed: int = 0, per_class: int = 20, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Noise in all features; the first three tell the classes apart, the first two alike."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    values = rng.normal(size=(len(labels), len(names()))).astype(np.float32)
    values[:, 0] += 6 * labels
    values[:, 1] = values[:, 0] + rng.normal(scale=0.01, size=len(labels))
    values[:, 2] += 5 * (labels == 1)
    return values, labels
