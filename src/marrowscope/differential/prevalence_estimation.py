"""A classifier's answers or probabilities → shares of the true classes behind them.

All estimators assume label shift: a cell of class c gets answer j as often in the new smear as
among the held-out cells, P(answer | class) stays and only P(class) changes. The four work on

* answers: counts of each answer j in the smear, and ``rates`` (C, J), P(answer j | class c);
* probabilities: what the classifier says of every cell, its own or averaged over held-out cells.

Leading axes of the arrays (bootstrap replicates) are kept, so that thousands of replicates cost
a few array operations. Which estimator is the default, and why, is in docs/differential.md.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ITERATIONS = 2000
_FEW = 0.7  # share of open rows below which they are copied into smaller arrays
_TINY = 1e-300


def maximum_likelihood(
    counts: Array, rates: Array, start: Array | None = None, tolerance: float = 1e-6
) -> Array:
    """Shares under which the counted answers are most likely.

    The answers are a multinomial draw from the mixture ``shares @ rates``; its likelihood is
    concave in the shares and EM climbs it inside the simplex (Dempster et al. 1977; for class
    priors Vucetic and Obradovic 2001): ``share_c ← share_c · Σ_j q_j rates_cj / (share @ rates)_j``
    with ``q`` the observed shares of the answers. Two steps of EM are extrapolated into one
    (SQUAREM, Varadhan and Roland 2008, scheme S3) and taken back where a share would not stay
    positive. Where two classes get the same answers, the ratio of their shares stays that of
    ``start``.

    Args:
        counts: (…, J) answers, any non-negative weights with a positive sum.
        rates: (…, C, J) rows sum to 1.
        start: (…, C) positive shares to begin with; equal shares without.
        tolerance: stop when a step of EM moves no share by more.

    Returns:
        (…, C) shares that sum to 1.
    """
    counts, rates = np.asarray(counts, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    classes = rates.shape[-2]
    lead = np.broadcast_shapes(counts.shape[:-1], rates.shape[:-2])
    observed = np.broadcast_to(_normal(counts), (*lead, counts.shape[-1]))
    observed = observed.reshape(-1, counts.shape[-1])
    each = np.broadcast_to(rates, (*lead, *rates.shape[-2:])).reshape(-1, *rates.shape[-2:])
    begin = np.full(classes, 1 / classes) if start is None else _normal(np.asarray(start))
    shares = np.broadcast_to(begin, (*lead, classes)).reshape(-1, classes).copy()
    # Rows that are done are written at once; the others move together, and only now and then into
    # smaller arrays, because copying rates costs as much as a step.
    rows, now, still = np.arange(len(shares)), shares.copy(), np.ones(len(shares), dtype=bool)
    for _ in range(_ITERATIONS):
        first = _em_step(now, observed, each)
        second = _em_step(first, observed, each)
        done = still & (np.abs(second - first).max(axis=-1) <= tolerance)
        now = _extrapolated(now, first, second)
        shares[rows[done]] = now[done]
        still &= ~done
        if not still.any():
            break
        if still.mean() < _FEW:
            rows, now, observed, each = rows[still], now[still], observed[still], each[still]
            still = np.ones(len(rows), dtype=bool)
    shares[rows[still]] = now[still]
    return shares.reshape(*lead, classes)


def _em_step(shares: Array, observed: Array, rates: Array) -> Array:
    expected = (shares[:, None, :] @ rates)[:, 0]
    weight = observed / np.maximum(expected, _TINY)
    return _normal(shares * (rates @ weight[:, :, None])[..., 0])


def _extrapolated(old: Array, first: Array, second: Array) -> Array:
    step, bend = first - old, second - 2 * first + old
    length = np.linalg.norm(step, axis=-1, keepdims=True)
    curve = np.linalg.norm(bend, axis=-1, keepdims=True)
    factor = np.clip(length / np.maximum(curve, 1e-15), 1, 64)
    jump = old + 2 * factor * step + factor**2 * bend
    inside = (jump > 0.1 * second).all(axis=-1, keepdims=True)
    return np.where(inside, _normal(np.maximum(jump, 0)), second)


def constrained_inversion(
    observed: Array, rates: Array, weights: Array | None = None, steps: int = 300
) -> Array:
    """Shares on the simplex whose mixture of ``rates`` is nearest to what was observed.

    Adjusted classify-and-count (Forman 2008) for many classes, solved as constrained
    least squares (Bunse 2022) instead of by the inverse matrix, which leaves the simplex and may
    not exist. With mean probabilities in place of answers it is the probabilistic adjusted count
    (Bella et al. 2010). Accelerated projected gradient (Beck and Teboulle 2009).

    Args:
        observed: (…, J) shares of the answers, or mean probabilities in the smear.
        rates: (…, C, J) shares of the answers, or mean probabilities, among cells of a class.
        weights: (…, J) of the squared errors; equal without.
        steps: of the gradient descent.

    Returns:
        (…, C) shares that sum to 1.
    """
    observed, rates = np.asarray(observed, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    root = np.ones(rates.shape[-1]) if weights is None else np.sqrt(weights)
    system = rates * root[..., None, :]
    target = (rates * root[..., None, :] ** 2) @ observed[..., :, None]
    gram = system @ np.swapaxes(system, -1, -2)
    size = np.linalg.eigvalsh(gram)[..., -1][..., None]
    shares = np.full(target.shape[:-1], 1 / rates.shape[-2])
    ahead, pace = shares, 1.0
    for _ in range(steps):
        slope = (gram @ ahead[..., None] - target)[..., 0]
        moved = project_onto_simplex(ahead - slope / np.maximum(size, 1e-12))
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        ahead = moved + (pace - 1) / faster * (moved - shares)
        shares, pace = moved, faster
    return shares


def project_onto_simplex(points: Array) -> Array:
    """Nearest point of the simplex to each of (…, C) (Duchi et al. 2008, figure 1)."""
    ordered = -np.sort(-points, axis=-1)
    excess = np.cumsum(ordered, axis=-1) - 1
    rank = np.arange(1, points.shape[-1] + 1)
    kept = (ordered - excess / rank > 0).sum(axis=-1, keepdims=True)
    shift = np.take_along_axis(excess, kept - 1, axis=-1) / kept
    result: Array = np.maximum(points - shift, 0)
    return result


def saerens_em(
    probabilities: Array, prior: Array, tolerance: float = 1e-6, steps: int = _ITERATIONS
) -> Array:
    """Shares by EM over the classifier's own probabilities (Saerens et al. 2002, eq. 2.9).

    Every cell's probabilities are re-weighted by new over old prior and averaged to the next
    prior. It trusts that the probabilities are calibrated.

    Args:
        probabilities: (N, C) of the smear's cells.
        prior: (C,) class shares for which the probabilities are right, those of the training.
        tolerance: stop when a step moves no share by more.
        steps: at most.

    Returns:
        (C,) shares that sum to 1.
    """
    likely = probabilities / np.maximum(prior, _TINY)
    shares = prior.astype(np.float64)
    for _ in range(steps):
        joint = likely * shares
        renewed = _normal(_normal(joint).mean(axis=0))
        done = np.abs(renewed - shares).max() <= tolerance
        shares = renewed
        if done:
            break
    return shares


def _normal(values: Array) -> Array:
    result: Array = values / np.maximum(values.sum(axis=-1, keepdims=True), _TINY)
    return result
