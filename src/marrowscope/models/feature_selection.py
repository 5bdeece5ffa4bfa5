"""Minimum redundancy, maximum relevance: features that tell classes apart and not the same twice.

Ding & Peng (J. Bioinform. Comput. Biol. 2005) for continuous features: relevance is the F-statistic
of a feature over the classes, redundancy its mean absolute correlation with those already chosen;
each next feature maximizes their difference (FCD) or quotient (FCQ). See also Peng, Long & Ding
(IEEE PAMI 2005).
"""

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError

SCHEMES = ("difference", "quotient")


def f_statistic(values: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """F of a one-way analysis of variance per feature; 0 for constant features.

    Args:
        values: (N, F) finite.
        labels: (N,) class indices.
    """
    classes, members = np.unique(labels, return_inverse=True)
    counts = np.bincount(members).astype(np.float64)
    one_hot = (members[:, None] == np.arange(len(classes))).astype(np.float64)
    centred = values - values.mean(axis=0, dtype=np.float64)
    means = (one_hot.T @ centred) / counts[:, None]
    between = (counts[:, None] * means**2).sum(axis=0)
    within = np.maximum((centred**2).sum(axis=0) - between, 0.0)
    free = len(classes) - 1, max(len(values) - len(classes), 1)
    varied = between + within > 1e-12
    ratio = (between / free[0]) / np.maximum(within / free[1], 1e-12)
    return np.where(varied, ratio, 0.0)


def select(
    values: NDArray[np.float32],
    labels: NDArray[np.int64],
    count: int,
    scheme: str = "quotient",
) -> NDArray[np.int64]:
    """Choose features, best first.

    Args:
        values: (N, F) finite.
        labels: (N,) class indices.
        count: how many; fewer come back where fewer vary.
        scheme: ``difference`` or ``quotient``.

    Raises:
        InputError: one class only, or an unknown scheme.
    """
    if scheme not in SCHEMES:
        raise InputError(f"scheme {scheme!r}: expected {' or '.join(SCHEMES)}")
    if len(np.unique(labels)) < 2:
        raise InputError("labels: only one class; features are chosen by how they separate classes")
    relevance = f_statistic(values, labels)
    usable = np.flatnonzero(relevance > 0)
    if len(usable) == 0:
        return usable
    relevance = relevance[usable]
    unit = values[:, usable].astype(np.float32)
    unit -= unit.mean(axis=0)
    unit /= np.maximum(np.linalg.norm(unit, axis=0), 1e-12)
    # On one scale with correlations, as a difference needs: the largest relevance is 1.
    relevance = relevance / relevance.max()
    free = np.ones(len(usable), dtype=bool)
    chosen = [int(relevance.argmax())]
    free[chosen[0]] = False
    redundancy = np.zeros(len(usable))
    while len(chosen) < min(count, len(usable)):
        redundancy += np.abs(unit.T @ unit[:, chosen[-1]])
        mean = redundancy / len(chosen)
        worth = relevance - mean if scheme == "difference" else relevance / np.maximum(mean, 1e-3)
        chosen.append(int(np.where(free, worth, -np.inf).argmax()))
        free[chosen[-1]] = False
    return usable[chosen]
