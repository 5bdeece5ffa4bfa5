"""Stated probabilities with a known temperature, and classes drawn from the honest ones."""

import numpy as np

KNOWN = ("BLA", "LYT", "EOS", "NGS")


def drawn(count: int, temperature: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Stated probabilities, and classes drawn from the honest ones, whose temperature is T."""
    random = np.random.default_rng(seed)
    logits = 3 * random.standard_normal((count, len(KNOWN)))
    honest = np.exp(logits / temperature)
    honest /= honest.sum(axis=1, keepdims=True)
    stated = np.exp(logits - logits.max(axis=1, keepdims=True))
    stated /= stated.sum(axis=1, keepdims=True)
    truth = (honest.cumsum(axis=1) < random.random(count)[:, None]).sum(axis=1)
    return stated, np.minimum(truth, len(KNOWN) - 1)
