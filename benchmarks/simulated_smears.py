"""Smears of known composition, simulated for the benchmarks of the differential count.

Two sources of cells. *Synthetic*: the 21 classes as Gaussian clouds whose tolerated pairs lie near
each other and whose overlap gives recalls like those of the published study (0.65 to 0.9); held
out per class are a fifth of the study's images, at most 500, at least 2. *Real*: held-out cells
of a predicted table; the table is taken as the population, the held-out sample is drawn from it
with replacement, class by class, and so is the smear.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import PROBABILITY, read_cells
from marrowscope.differential.held_out_answers import CONFIDENCE_BANDS, CONFIDENT, HeldOutCounts
from marrowscope.morphology import CLASSES, CODES, TOLERATED, in_display_order

Array = NDArray[np.float64]

# Per cent of all located cells: marrow of adults, with what is no countable cell.
NORMAL = {
    "BLA": 1.5, "PMO": 4, "MYB": 9, "MMZ": 10, "NGB": 11, "NGS": 15, "EOS": 2.5, "BAS": 0.3,
    "MON": 2, "PEB": 1, "EBO": 19, "LYI": 0.3, "LYT": 10, "HAC": 0.1, "PLM": 1.3, "KSC": 2,
    "OTH": 0.5, "ART": 6, "NIF": 4.5,
}  # fmt: skip
COMPOSITIONS = {
    "normal": {},
    "5 % blasts": {"BLA": 4.4},  # of all cells; 5 % of the countable ones
    "20 % blasts": {"BLA": 17.7},
    "eosinophilia": {"EOS": 30, "ABE": 2, "BAS": 1},
}


def composition(name: str, codes: list[str]) -> Array:
    """Shares of ``codes`` among all located cells: the named classes fixed, the rest normal."""
    fixed = {code: share for code, share in COMPOSITIONS[name].items() if code in codes}
    rest = {code: NORMAL.get(code, 0) for code in codes if code not in fixed}
    scale = (100 - sum(fixed.values())) / sum(rest.values())
    shares = {**{code: share * scale for code, share in rest.items()}, **fixed}
    return np.array([shares[code] for code in codes]) / 100


@dataclass(frozen=True)
class Source:
    """Classes, and cells of them: ``draw(random, numbers)`` gives (N, C) probabilities by class."""

    name: str
    codes: list[str]
    held: NDArray[np.int64]
    pools: tuple[Array, ...] | None = None
    means: Array | None = None
    temperature: float = 1.0

    def draw(self, random: np.random.Generator, numbers: NDArray[np.int64]) -> Array:
        """Probabilities of so many cells of each class, class after class."""
        if self.pools is not None:
            parts = [
                pool[random.integers(0, len(pool), number)]
                for pool, number in zip(self.pools, numbers, strict=True)
            ]
            return np.concatenate(parts)
        means = self.means
        points = means[np.repeat(np.arange(len(numbers)), numbers)]
        points = points + random.normal(size=points.shape)
        logits = (points @ means.T - 0.5 * (means**2).sum(axis=1)) / self.temperature
        values = np.exp(logits - logits.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)


def synthetic(temperature: float = 1.0) -> Source:
    """21 classes; probabilities are calibrated at temperature 1, too sure of themselves below."""
    near = np.eye(len(CODES))
    for one, two in (*map(tuple, TOLERATED), ("EOS", "ABE")):
        row, column = CODES.index(one), CODES.index(two)
        near[row, column] = near[column, row] = 0.45
    near[:, CODES.index("NIF")] += 0.12
    means = 3 * near / np.linalg.norm(near, axis=1, keepdims=True)
    held = np.array([max(2, min(500, cell.published_images // 5)) for cell in CLASSES])
    return Source(f"21 classes, T={temperature:g}", list(CODES), held, None, means, temperature)


def real(path: Path) -> Source:
    """Classes that have held-out cells in a predicted table."""
    table = read_cells(path, needs=["label", "predicted"]).drop_nulls(["label", "predicted"])
    codes = in_display_order(set(table["label"]))
    columns = [PROBABILITY + code for code in codes]
    pools = tuple(
        table.filter(pl.col("label") == code).select(columns).to_numpy().astype(float)
        for code in codes
    )
    held = np.array([len(pool) for pool in pools])
    return Source(f"{len(codes)} classes, real", codes, held, pools)


def answers(probabilities: Array) -> NDArray[np.int64]:
    """Number of the answer of each cell, as in ``held_out.HeldOut``."""
    return CONFIDENCE_BANDS * probabilities.argmax(axis=1) + (
        probabilities.max(axis=1) >= CONFIDENT
    )


@dataclass(frozen=True)
class Smear:
    """One simulated smear beside one simulated held-out sample."""

    held_out: HeldOutCounts
    held_probabilities: Array
    held_truth: NDArray[np.int64]
    probabilities: Array
    counts: NDArray[np.int64]


def smears(source: Source, shares: Array, number: int, cells: int, seed: int) -> Iterator[Smear]:
    """Draw smears of ``cells`` located cells each."""
    size = len(source.codes)
    for smear in range(number):
        random = np.random.default_rng([seed, smear])
        held = source.draw(random, source.held)
        truth = np.repeat(np.arange(size), source.held)
        counts = np.zeros((size, CONFIDENCE_BANDS * size), dtype=np.int64)
        np.add.at(counts, (truth, answers(held)), 1)
        seen = source.draw(random, random.multinomial(cells, shares))
        yield Smear(
            HeldOutCounts(tuple(source.codes), counts),
            held,
            truth,
            seen,
            np.bincount(answers(seen), minlength=CONFIDENCE_BANDS * size),
        )
