"""Planes and regions → how values are distributed in each region, from histograms."""

import numpy as np
from numpy.typing import NDArray

from marrowscope.features.feature_names import Feature, features_by_region
from marrowscope.features.image_planes import PLANES, REGIONS, ImagePlanes

_REGIONS = (*REGIONS, "image")
_PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_STATISTICS = (
    ("mean", "grey", "mean"),
    ("sd", "grey", "standard deviation"),
    ("skewness", "1", "skewness"),
    ("kurtosis", "1", "kurtosis (3 for a normal distribution)"),
    *((f"p{percent:02d}", "grey", f"{percent}th percentile") for percent in _PERCENTS),
    ("iqr", "grey", "interquartile range"),
    ("spread", "grey", "range from 5th to 95th percentile"),
    ("deviation", "grey", "mean absolute deviation from the mean"),
    ("entropy", "bit", "entropy of the histogram"),
    ("energy", "1", "sum of squared histogram shares"),
    ("mode", "grey", "most frequent value"),
    ("rms", "grey", "root of the mean square"),
)
_BINS = 16


def features() -> list[Feature]:
    """Names, in the order of ``values``."""
    planes = [(f"intensity.{name}", f"of {name}") for name in PLANES]
    bins = [
        (f"bin{place:02d}", "1", f"share of values {16 * place}–{16 * place + 15}")
        for place in range(_BINS)
    ]
    shares = [(f"histogram.{name}", f"of {name}") for name in PLANES]
    differences = [
        Feature(f"contrast.{what}.{name}", "grey", f"mean {name} of {words}")
        for what, words in (
            ("nucleus_cytoplasm", "nucleus less that of cytoplasm"),
            ("cell_surround", "cell less that of all around it"),
        )
        for name in PLANES
    ]
    return (
        features_by_region(_REGIONS, planes, _STATISTICS)
        + features_by_region(REGIONS, shares, bins)
        + differences
    )


def values(view: ImagePlanes) -> NDArray[np.float64]:
    """Numbers in the order of ``features``; NaN for regions without pixels."""
    offset = view.label.astype(np.int32).ravel() * 256
    parts = (
        np.stack(
            [
                np.bincount(offset + plane.ravel(), minlength=768).reshape(3, 256)
                for plane in view.planes
            ]
        )
        .transpose(1, 0, 2)
        .astype(np.float64)
    )  # (label, plane, value)
    outside, cytoplasm, nucleus = parts
    counts = np.stack([cytoplasm + nucleus, nucleus, cytoplasm, parts.sum(axis=0)])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = counts / counts.sum(axis=2, keepdims=True)
        table = _statistics(shares)
        bins = shares[:3].reshape(3, len(PLANES), _BINS, 16).sum(axis=3)
        around = (outside / outside.sum(axis=1, keepdims=True)) @ _GREYS
    mean = table[..., 0]
    contrast = np.concatenate([mean[1] - mean[2], mean[0] - around])
    return np.concatenate([table.ravel(), bins.ravel(), contrast])


_GREYS = np.arange(256, dtype=np.float64)


def _statistics(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = shares @ _GREYS
    away = _GREYS - mean[..., None]
    variance = (shares * away**2).sum(axis=-1)
    sd = np.sqrt(variance)
    empty = np.isnan(mean)
    # A single grey has no skewness; zero is what a symmetric distribution has.
    safe = np.maximum(sd, 1e-6)
    skewness = (shares * away**3).sum(axis=-1) / safe**3
    kurtosis = (shares * away**4).sum(axis=-1) / safe**4
    cumulative = shares.cumsum(axis=-1)
    percentiles = [
        (cumulative < percent / 100 - 1e-12).sum(axis=-1).astype(np.float64)
        for percent in _PERCENTS
    ]
    logs = np.log2(np.where(shares > 0, shares, 1.0))
    columns = [
        mean,
        sd,
        skewness,
        kurtosis,
        *percentiles,
        percentiles[5] - percentiles[3],
        percentiles[7] - percentiles[1],
        (shares * np.abs(away)).sum(axis=-1),
        -(shares * logs).sum(axis=-1),
        (shares**2).sum(axis=-1),
        shares.argmax(axis=-1).astype(np.float64),
        np.sqrt((shares * _GREYS**2).sum(axis=-1)),
    ]
    result: NDArray[np.float64] = np.stack(columns, axis=-1)
    result[empty] = np.nan
    return result
