"""Two sets of images → how far one lies from the other: stain, light, sharpness, features.

Each measure is compared by its standardized difference, (mean of the set − mean of the reference) /
standard deviation of the reference, and by the share of the set outside the middle 98 % of the
reference. Feature distance is that of a cell to its nearest reference cells in the network's last
layer, beside what reference cells have among themselves (our own choice of measures).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import CellImage, cell_images, read_cell
from marrowscope.cells import usable
from marrowscope.dataset.splitting import TRAIN
from marrowscope.errors import InputError
from marrowscope.models.bundle import Bundle
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.smear.focus import estimate_blur
from marrowscope.stain import BACKGROUND_DENSITY, estimate_stain, is_default, optical_density

Array = NDArray[np.float64]
MEASURES: dict[str, str] = {
    "brightness": "mean grey level of the image, 0 to 255",
    "light": "95th percentile of the grey level: the empty background where there is any",
    "density": "mean optical density of stained pixels",
    "stained": "share of pixels that are stained",
    "saturation": "mean of (max − min) / max over R, G, B of stained pixels",
    "blur": "standard deviation of the blur, µm",
    "haematoxylin_red": "red part of the haematoxylin-like stain vector",
    "haematoxylin_blue": "blue part of it",
    "eosin_red": "red part of the eosin-like stain vector",
    "eosin_blue": "blue part of it",
}
MIN_CELLS = 10
NEIGHBOURS = 5
_BATCH = 32


@dataclass(frozen=True)
class MeasureShift:
    """One measure in both sets; ``outside`` is the share of the set beyond 1 to 99 %."""

    name: str
    meaning: str
    reference_mean: float
    reference_sd: float
    mean: float
    sd: float
    difference: float  # standardized
    outside: float


@dataclass(frozen=True)
class FeatureShift:
    """Distance to the nearest reference cells in the network's last layer.

    Attributes:
        ratio: median distance of the set / median distance of reference cells among themselves.
        beyond: share of the set farther away than 95 % of the reference; 0.05 without a shift.
        features: number of features.
    """

    ratio: float
    beyond: float
    features: int


@dataclass(frozen=True)
class DomainShift:
    """The whole report; ``cells`` and ``reference`` are the numbers of images looked at."""

    cells: int
    reference: int
    measures: tuple[MeasureShift, ...]
    features: FeatureShift | None


def sample_rows(
    table: pl.DataFrame, count: int, seed: int, train_only: bool = False
) -> pl.DataFrame:
    """Up to ``count`` usable rows; of a split table, if wanted, only those that train."""
    rows = usable(table)
    if train_only and "split" in rows.columns and (rows["split"] == TRAIN).any():
        rows = rows.filter(pl.col("split") == TRAIN)
    return rows if rows.height <= count else rows.sample(count, seed=seed)


def load_images(
    table: pl.DataFrame, microns_per_pixel: float | None = None
) -> list[NDArray[np.uint8]]:
    """Images as the network sees them, each (250, 250, 3) uint8 RGB; unreadable ones are left out.

    Raises:
        InputError: fewer than ``MIN_CELLS`` can be read.
    """

    def load(cell: CellImage) -> NDArray[np.uint8] | None:
        try:
            return read_cell(cell)
        except (InputError, ValueError):
            return None

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        found = threads.map(load, cell_images(table, microns_per_pixel))
        images = [image for image in found if image is not None]
    if len(images) < MIN_CELLS:
        raise InputError(
            f"{len(images)} of {table.height} images can be read; a shift report needs {MIN_CELLS}"
        )
    return images


def measure_image(image: NDArray[np.uint8]) -> dict[str, float]:
    """All ``MEASURES`` of one image (250, 250, 3) uint8 RGB; nan where there is nothing to say."""
    density = optical_density(image)
    stained = (density >= BACKGROUND_DENSITY).all(axis=2)
    grey = image.mean(axis=2)
    stain = estimate_stain(image)
    unknown = is_default(stain)
    pixels = image[stained].astype(np.float64)
    blur = estimate_blur(density.mean(axis=2), MICRONS_PER_PIXEL)
    nothing = float("nan")
    return {
        "brightness": float(grey.mean()),
        "light": float(np.percentile(grey, 95)),
        "density": float(density[stained].mean()) if len(pixels) else nothing,
        "stained": float(stained.mean()),
        "saturation": float(((pixels.max(1) - pixels.min(1)) / np.maximum(pixels.max(1), 1)).mean())
        if len(pixels)
        else nothing,
        "blur": nothing if blur is None else blur,
        "haematoxylin_red": nothing if unknown else float(stain[0]),
        "haematoxylin_blue": nothing if unknown else float(stain[2]),
        "eosin_red": nothing if unknown else float(stain[3]),
        "eosin_blue": nothing if unknown else float(stain[5]),
    }


def compare_measures(
    reference: list[dict[str, float]], given: list[dict[str, float]]
) -> list[MeasureShift]:
    """Compare the measures of two sets; a measure that is nan everywhere in one is left out."""
    shifts = []
    for name, meaning in MEASURES.items():
        base, values = (
            np.array([row[name] for row in rows], dtype=np.float64) for rows in (reference, given)
        )
        base, values = base[~np.isnan(base)], values[~np.isnan(values)]
        if len(base) < 2 or len(values) < 2:
            continue
        sd = float(base.std(ddof=1))
        low, high = np.percentile(base, [1, 99])
        gap = float(values.mean() - base.mean())
        shifts.append(
            MeasureShift(
                name,
                meaning,
                float(base.mean()),
                sd,
                float(values.mean()),
                float(values.std(ddof=1)),
                gap / sd if sd > 0 else float("nan"),
                float(((values < low) | (values > high)).mean()),
            )
        )
    return shifts


def network_features(bundle: Bundle, images: list[NDArray[np.uint8]]) -> Array | None:
    """(N, F) input of the last layer; None for a model that has no ``features``."""
    import torch

    features = getattr(bundle.model, "features", None)
    if not isinstance(bundle.model, torch.nn.Module) or features is None:
        return None
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(np.stack(images[start : start + _BATCH]))
            parts.append(features(batch.permute(0, 3, 1, 2).float() / 255).double().numpy())
    return np.concatenate(parts)


def feature_shift(reference: Array, given: Array) -> FeatureShift:
    """Distances to the nearest ``NEIGHBOURS`` reference cells, (N, F) and (M, F) features.

    Each feature is scaled by its standard deviation in the reference; constant ones are left out.
    """
    from sklearn.neighbors import NearestNeighbors

    sd = reference.std(axis=0)
    use = sd > 1e-9
    one, two = reference[:, use] / sd[use], given[:, use] / sd[use]
    near = min(NEIGHBOURS, len(one) - 1)
    search = NearestNeighbors(n_neighbors=near).fit(one)
    among = search.kneighbors(None)[0].mean(axis=1)  # None: a cell is not its own neighbour
    away = search.kneighbors(two)[0].mean(axis=1)
    return FeatureShift(
        float(np.median(away) / max(float(np.median(among)), 1e-12)),
        float((away > np.percentile(among, 95)).mean()),
        int(use.sum()),
    )


def measure_domain_shift(
    reference: pl.DataFrame,
    given: pl.DataFrame,
    bundle: Bundle | None = None,
    microns_per_pixel: float | None = None,
    count: int = 400,
    seed: int = 0,
) -> DomainShift:
    """Compare the images of a set with those of the training data.

    Args:
        reference: cell table of the training data; of a split one the ``train`` rows.
        given: cell table of the set.
        bundle: for the feature distance.
        microns_per_pixel: pixel size of the set's images where the table does not state it.
        count: images of each looked at, drawn with ``seed``.

    Raises:
        InputError: too few images of one can be read.
    """
    base = load_images(sample_rows(reference, count, seed, train_only=True))
    images = load_images(sample_rows(given, count, seed), microns_per_pixel)
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        measures = [list(threads.map(measure_image, part)) for part in (base, images)]
    far = None
    if bundle is not None:
        one, two = (network_features(bundle, part) for part in (base, images))
        far = None if one is None or two is None else feature_shift(one, two)
    return DomainShift(len(images), len(base), tuple(compare_measures(*measures)), far)
