"""Fit the model that joins lobes: synthetic fields go in, a YAML file comes out.

    python tools/fit_lobe_grouping.py --output lobe_grouping.yaml [--fields 60]

In a synthetic field every pixel's cell is known. Pixel sizes are stated wrongly by up to a fifth
either way, so that a scanner with a slightly wrong size, or a patient with large cells, does not
turn lobes into cells.

The file that the package reads is src/marrowscope/detection/lobe_grouping.yaml.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from marrowscope.detection.fragment_clusters import clusters_of_fragments, pair_features
from marrowscope.detection.lobe_grouping import (
    COLUMNS,
    merge_pair,
    model_columns,
    neighbouring_pairs,
)
from marrowscope.detection.logistic_model import LogisticModel, write_model
from marrowscope.detection.nuclear_fragments import find_fragments
from marrowscope.detection.nuclear_map import nuclear_map
from marrowscope.phantom import composition
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL

Pairs = tuple[list[list[float]], list[bool]]


def training_pairs(
    image: NDArray[np.uint8],
    microns_per_pixel: float,
    cell_at: Callable[[float, float], int],
    random: np.random.Generator,
) -> Pairs:
    """Features and truth of the pairs that a perfect grouping would look at.

    Args:
        image: (H, W, 3) uint8 RGB.
        microns_per_pixel: as stated to the detection.
        cell_at: number of the cell at a field position x, y; 0 = none.
        random: chooses which true pair is joined next.
    """
    found = nuclear_map(image, microns_per_pixel)
    parts = find_fragments(found.density)
    current, meets = clusters_of_fragments(found.density, parts), dict(parts.saddles)
    owner = {number: cell_at(*found.to_field(*one.centre)) for number, one in current.items()}
    rows: list[list[float]] = []
    truth: list[bool] = []
    pairs: dict[tuple[int, int], float] = {}
    new, number = neighbouring_pairs(current), max(current, default=0)
    while True:
        for one, two in new:
            pairs[one, two] = 0.0
            if owner[one] or owner[two]:
                saddle = meets.get((one, two), 0.0)
                rows.append(pair_features(current[one], current[two], saddle, found.density))
                truth.append(owner[one] == owner[two])
        open_pairs = [pair for pair in pairs if owner[pair[0]] == owner[pair[1]] > 0]
        if not open_pairs:
            return rows, truth
        pair = open_pairs[int(random.integers(len(open_pairs)))]
        number += 1
        owner[number] = owner[pair[0]]
        new = merge_pair(current, meets, pairs, pair, number)


def fit(samples: Iterable[Pairs]) -> LogisticModel:
    """Logistic regression over all pairs; both outcomes weigh as often as they occur."""
    rows: list[list[float]] = []
    truth: list[bool] = []
    for features, outcome in samples:
        rows += features
        truth += outcome
    columns = model_columns(np.array(rows))
    mean, deviation = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=5000).fit((columns - mean) / deviation, truth)
    return LogisticModel(COLUMNS, mean, deviation, model.coef_[0], model.intercept_[0])


def phantom_samples(fields: int) -> Iterable[Pairs]:
    """Pairs of synthetic fields of many densities, mixes and stains."""
    random = np.random.default_rng(0)
    mixes = composition.composition_names()
    stocks = {size: CellLibrary(size, 1) for size in (MICRONS_PER_PIXEL, 2 * MICRONS_PER_PIXEL)}
    for seed in range(fields):
        size = list(stocks)[seed % 2]
        settings = FieldSettings(
            width=1200 if seed % 2 == 0 else 800,
            height=1000 if seed % 2 == 0 else 700,
            microns_per_pixel=size,
            composition=mixes[seed % len(mixes)],
            cells_per_mm2=float(random.choice([1500, 3000, 6000])),
            touching=float(random.choice([0.1, 0.3, 0.6])),
            red=float(random.uniform(0.1, 0.9)),
        )
        field = draw_field(settings, 10_000 + seed, stocks[size])

        def cell_at(x: float, y: float, mask: NDArray[np.uint16] = field.cell_mask) -> int:
            row = min(max(round(y), 0), mask.shape[0] - 1)
            return int(mask[row, min(max(round(x), 0), mask.shape[1] - 1)])

        yield training_pairs(field.image, size * random.uniform(0.8, 1.2), cell_at, random)


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, required=True, help="YAML file to write")
    parser.add_argument("--fields", type=int, default=60, help="synthetic fields to learn from")
    options = parser.parse_args()
    model = fit(phantom_samples(options.fields))
    write_model(model, options.output, "Made by 'python tools/fit_lobe_grouping.py'; do not edit.")


if __name__ == "__main__":
    main()
