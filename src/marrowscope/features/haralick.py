"""Grey planes → Haralick's texture (IEEE Trans. SMC 1973), all pairs of pixels at once.

A pair of pixels counts for nucleus or cytoplasm when both lie in it, and for the cell when both
lie in the cell. Grey levels are even steps between the 1st and the 99th percentile of the cell, so
that texture does not say again how dark the stain is. Matrices are symmetric; of the four
directions the mean and the range are kept, as Haralick proposed.
"""

import numpy as np
from numpy.typing import NDArray

from marrowscope.features.feature_names import Feature, features_by_region
from marrowscope.features.image_planes import REGIONS, TEXTURED, ImagePlanes

DISTANCES = (1, 2, 4, 8)
LEVELS = (16, 8)
_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
STATISTICS = (
    "energy",
    "contrast",
    "correlation",
    "variance",
    "homogeneity",
    "sum_average",
    "sum_variance",
    "sum_entropy",
    "entropy",
    "difference_variance",
    "difference_entropy",
    "information1",
    "information2",
)
_UNITS = {name: "bit" for name in ("sum_entropy", "entropy", "difference_entropy")}


def features() -> list[Feature]:
    """Names, in the order of ``values``."""
    middle = [
        (f"haralick.d{distance}.q{levels}.{name}", f"of {name} in {levels} levels at {distance} px")
        for levels in LEVELS
        for name in TEXTURED
        for distance in DISTANCES
    ]
    last = [
        (f"{name}{suffix}", _UNITS.get(name, "1"), f"{words} over 4 directions of {name}")
        for suffix, words in (("", "mean"), (".range", "range"))
        for name in STATISTICS
    ]
    return features_by_region(REGIONS, middle, last)


def values(view: ImagePlanes) -> NDArray[np.float64]:
    """Numbers in the order of ``features``; NaN for regions without pairs."""
    planes = view.textured()
    label = view.label[view.box].astype(np.int32)
    inside = label > 0
    fine = np.empty((3, len(planes), len(DISTANCES), 4, 16, 16))
    for place, plane in enumerate(planes):
        codes = label * 16 + _quantized(plane, inside)
        for far, distance in enumerate(DISTANCES):
            for way, (down, right) in enumerate(_DIRECTIONS):
                fine[:, place, far, way] = _pairs(codes, down * distance, right * distance)
    coarse = fine.reshape(*fine.shape[:4], 8, 2, 8, 2).sum(axis=(5, 7))
    parts = []
    for matrices in (fine, coarse):
        table = statistics(matrices)  # (region, plane, distance, direction, statistic)
        parts.append(np.concatenate([table.mean(axis=3), np.ptp(table, axis=3)], axis=-1))
    return np.stack(parts, axis=1).ravel()


def _quantized(plane: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    counts = np.bincount(plane[inside], minlength=256).cumsum()
    low, high = (int(np.searchsorted(counts, share * counts[-1])) for share in (0.01, 0.99))
    table = (np.arange(256) - low) * 16 // max(high - low + 1, 1)
    return np.clip(table, 0, 15).astype(np.int32)[plane]


def _pairs(codes: NDArray[np.int32], down: int, right: int) -> NDArray[np.float64]:
    """Symmetric co-occurrence of codes in 0–47 (16 × label + level), (cell, nucleus, cytoplasm)."""
    height, width = codes.shape
    if down >= height or abs(right) >= width:
        return np.zeros((3, 16, 16))
    rows = slice(0, height - down), slice(down, height)
    columns = (
        slice(max(0, -right), width - max(0, right)),
        slice(max(0, right), width + min(0, right)),
    )
    first, second = codes[rows[0], columns[0]], codes[rows[1], columns[1]]
    counts = np.bincount((first * 48 + second).ravel(), minlength=2304).reshape(3, 16, 3, 16)
    cytoplasm, nucleus = counts[1, :, 1], counts[2, :, 2]
    cell = cytoplasm + nucleus + counts[1, :, 2] + counts[2, :, 1]
    both = np.stack([cell, nucleus, cytoplasm]).astype(np.float64)
    return both + both.transpose(0, 2, 1)


def statistics(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 13 statistics of symmetric co-occurrence counts.

    Args:
        matrices: (..., L, L) counts.

    Returns:
        (..., 13) in the order of ``STATISTICS``; entropies in bits; NaN where there is no pair;
        correlation 1 where there is a single level.
    """
    levels = matrices.shape[-1]
    flat = matrices.reshape(-1, levels, levels)
    totals = flat.sum(axis=(1, 2))
    shares = flat / np.maximum(totals, 1.0)[:, None, None]
    grey = np.arange(levels, dtype=np.float64)
    margin = shares.sum(axis=2)
    mean = margin @ grey
    variance = margin @ grey**2 - mean**2
    joint = shares.reshape(len(flat), -1)
    rows, columns = np.indices((levels, levels)).reshape(2, -1)
    sums = joint @ _indicator(rows + columns, 2 * levels - 1)
    differences = joint @ _indicator(np.abs(rows - columns), levels)
    steps, heights = np.arange(levels), np.arange(2 * levels - 1)
    contrast = differences @ steps**2
    product = joint @ (rows * columns).astype(np.float64)
    flatly = variance < 1e-9
    correlation = np.where(flatly, 1.0, (product - mean**2) / np.where(flatly, 1.0, variance))
    sum_average = sums @ heights
    entropy, own = _entropy(joint), _entropy(margin)
    # Of symmetric matrices both margins are one, and both conditional entropies are 2 HX.
    information1 = (entropy - 2 * own) / np.maximum(own, 1e-9) * (own > 1e-9)
    nats = np.log(2.0) * (2 * own - entropy)
    information2 = np.sqrt(np.maximum(1 - np.exp(-2 * nats), 0))
    columns_ = [
        (joint**2).sum(axis=1),
        contrast,
        correlation,
        variance,
        joint @ (1 / (1.0 + (rows - columns) ** 2)),
        sum_average,
        sums @ heights**2 - sum_average**2,
        _entropy(sums),
        entropy,
        differences @ steps**2 - (differences @ steps) ** 2,
        _entropy(differences),
        information1,
        information2,
    ]
    result = np.stack(columns_, axis=-1)
    result[totals == 0] = np.nan
    reshaped: NDArray[np.float64] = result.reshape(*matrices.shape[:-2], len(STATISTICS))
    return reshaped


def _indicator(places: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    table: NDArray[np.float64] = (places[:, None] == np.arange(count)).astype(np.float64)
    return table


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.log2(np.where(shares > 0, shares, 1.0))
    result: NDArray[np.float64] = -(shares * logs).sum(axis=-1)
    return result
