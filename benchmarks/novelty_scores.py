"""Which score tells cells of a class that a model was never shown from those that it knows?

    OMP_NUM_THREADS=1 nice python benchmarks/novelty_scores.py CELLS BUNDLE...

CELLS is a table with ``label`` and ``split``. Each BUNDLE learned from its cells of the split
``train``, all but one class. Known cells are held-out ones, halved: the first half is what a score
may be fitted to, the second half is judged against the cells of the class that was left out, and
against platelets (no label, file name PLATELET…). AUROC of each score, and which share of the novel
cells lies beyond the limit that keeps 99 % of the known ones.

Scores on features may use ``--each`` training cells of each class as well, as their papers do. All
scores see the same cells through the same views. Features are kept in a file: a call goes on where
another one ended.
"""

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import rankdata
from sklearn.covariance import ledoit_wolf

from marrowscope.cells import read_cells
from marrowscope.evaluation.fit_novelty import fit_novelty
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.novelty import log_ratios
from marrowscope.training.adaptation.network_features import last_layer, network_features

Array = NDArray[np.float64]
NEIGHBOURS = 10
KEPT = 0.99


@dataclass(frozen=True)
class Cells:
    """(N, D) features, (N, C) logits of the known classes, (N,) columns of the true classes (-1:
    none of them), (N,) names."""

    features: Array
    logits: Array
    truth: NDArray[np.int64]
    names: list[str]

    def part(self, chosen: NDArray[np.bool_]) -> "Cells":
        """Those that are chosen."""
        names = [name for name, inside in zip(self.names, chosen, strict=True) if inside]
        return Cells(self.features[chosen], self.logits[chosen], self.truth[chosen], names)

    @property
    def probabilities(self) -> Array:
        """(N, C)."""
        found: Array = np.exp(self.logits - logsumexp(self.logits, axis=1, keepdims=True))
        return found


# A score: (training cells, held-out cells to fit to, cells) → (N,), larger for stranger cells.
Score = Callable[[Cells, Cells, Cells], Array]


def stated(bank: Cells, held: Cells, cells: Cells) -> Array:
    """1 - largest probability (Hendrycks and Gimpel, ICLR 2017)."""
    return 1 - cells.probabilities.max(axis=1)


def entropy(bank: Cells, held: Cells, cells: Cells) -> Array:
    found: Array = -(cells.probabilities * np.log(cells.probabilities + 1e-12)).sum(axis=1)
    return found


def energy(bank: Cells, held: Cells, cells: Cells) -> Array:
    """Liu et al., NeurIPS 2020."""
    found: Array = -logsumexp(cells.logits, axis=1)
    return found


def gaussians(points: Array, truth: NDArray[np.int64]) -> tuple[Array, Array]:
    """Means of the classes, inverse of their common covariance (shrunk: Ledoit and Wolf 2004)."""
    means = np.stack([points[truth == place].mean(axis=0) for place in range(truth.max() + 1)])
    return means, np.linalg.inv(ledoit_wolf(points - means[truth], assume_centered=True)[0])


def nearest_class(points: Array, fitted: tuple[Array, Array]) -> Array:
    """Squared distance to the nearest mean; a large D is whitened first, which is the same."""
    root = np.linalg.cholesky(fitted[1])
    means, white = fitted[0] @ root, points @ root
    squared = (white**2).sum(1)[:, None] - 2 * white @ means.T + (means**2).sum(1)
    found: Array = squared.min(axis=1)
    return found


def mahalanobis(bank: Cells, held: Cells, cells: Cells) -> Array:
    """Lee et al., NeurIPS 2018."""
    return nearest_class(cells.features, gaussians(bank.features, bank.truth))


def relative_mahalanobis(bank: Cells, held: Cells, cells: Cells) -> Array:
    """Less the distance to the mean of all cells (Ren et al. 2021)."""
    whole = gaussians(bank.features, np.zeros(len(bank.truth), np.int64))
    return mahalanobis(bank, held, cells) - nearest_class(cells.features, whole)


def log_ratio(bank: Cells, held: Cells, cells: Cells) -> Array:
    """What the package does."""
    known = tuple(map(str, range(held.logits.shape[1])))
    novelty = fit_novelty(held.probabilities, held.truth, held.names, known, 0.5)
    assert novelty is not None, "ten held-out cells of every class are needed"
    return novelty.scores(cells.probabilities.astype(np.float32)).astype(np.float64)


def log_ratio_together(bank: Cells, held: Cells, cells: Cells) -> Array:
    """The same with one covariance of all classes."""
    means, precision = gaussians(log_ratios(held.probabilities), held.truth)
    return nearest_class(log_ratios(cells.probabilities), (means, precision))


def nearest_neighbours(bank: Cells, held: Cells, cells: Cells) -> Array:
    """Distance to the 10th neighbour on the sphere (Sun et al., ICML 2022)."""
    own, theirs = (
        one.features / np.linalg.norm(one.features, axis=1, keepdims=True) for one in (cells, bank)
    )
    found: Array = -np.sort(own @ theirs.T, axis=1)[:, -NEIGHBOURS]
    return found


SCORES: dict[str, Score] = {
    "max probability": stated,
    "entropy": entropy,
    "energy": energy,
    "Mahalanobis": mahalanobis,
    "relative Mahalanobis": relative_mahalanobis,
    "neighbours": nearest_neighbours,
    "log-ratio, one covariance": log_ratio_together,
    "log-ratio": log_ratio,
}


def auroc(known: Array, novel: Array) -> float:
    """Probability that a novel cell is stranger than a known one (Mann and Whitney)."""
    ranks = rankdata(np.concatenate([known, novel]))[len(known) :]
    return float((ranks.sum() / len(novel) - (len(novel) + 1) / 2) / len(known))


def beyond(held: Array, novel: Array) -> float:
    """Share of novel cells above the limit that keeps 99 % of the known ones."""
    return float((novel > np.quantile(held, KEPT)).mean())


def drawn(table: pl.DataFrame, known: tuple[str, ...], each: int) -> pl.DataFrame:
    """At most ``each`` cells by class and part, spread over laboratories; ``part`` tells them."""
    label = pl.col("label")
    platelet = label.is_null() & pl.col("path").str.contains(r"PLATELET[^/]*$")
    part = (
        pl.when(platelet).then(pl.lit("platelets"))
        .when(label.is_null()).then(None)
        .when(~label.is_in(list(known))).then(label)
        .when(pl.col("split") == "train").then(pl.lit("bank"))
        .otherwise(pl.lit("known"))
    )  # fmt: skip
    # A mapping that names no class for platelets has left them out with an error of its own.
    error = pl.when(~platelet).then("error")
    rows = table.with_columns(error=error, part=part)
    rows = rows.filter(pl.col("error").is_null()).drop_nulls("part")
    groups = ["part", "label", *(["laboratory"] if "laboratory" in rows.columns else [])]
    mixed = rows.sort(pl.col("path").hash(seed=0))
    spread = mixed.with_columns(turn=pl.int_range(pl.len()).over(groups)).sort("turn")
    return spread.with_columns(place=pl.int_range(pl.len()).over("part", "label")).filter(
        pl.col("place") < each
    )


def computed(bundle: Bundle, rows: pl.DataFrame, views: int, kept: Path) -> Cells:
    """Features and logits, means over the views; from the file if they are there."""
    key = f"{bundle.card.weights_sha256} {views} {rows['path'].to_list()}"
    path = kept / f"{hashlib.sha256(key.encode()).hexdigest()[:20]}.npz"
    known = known_classes(bundle)
    if not path.exists():
        place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = bundle.model.to(place)
        (seen,) = network_features([network], rows, views, place, None)
        with torch.inference_mode():
            logits = last_layer(network)(seen).mean(dim=0).numpy()
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(path, features=seen.mean(dim=0).numpy(), logits=logits)
    found = np.load(path)
    outputs = bundle.card.outputs
    logits = np.stack(
        [
            logsumexp(found["logits"][:, [one == code for one in outputs]].astype(float), axis=1)
            for code in known
        ],
        axis=1,
    )
    truth = np.array([known.index(one) if one in known else -1 for one in rows["label"]])
    return Cells(found["features"].astype(float), logits, truth, rows["path"].to_list())


def known_classes(bundle: Bundle) -> tuple[str, ...]:
    return tuple(code for code in bundle.outputs.classes if code in bundle.card.known)


def judged(cells: Cells, rows: pl.DataFrame) -> dict[str, dict[str, tuple[float, float]]]:
    """AUROC and share beyond the limit, by what was left out and by score."""
    parts, first = rows["part"].to_numpy().astype(str), rows["place"].to_numpy() % 2 == 0
    bank = cells.part(parts == "bank")
    held, others = (cells.part((parts == "known") & half) for half in (first, ~first))
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name, score in SCORES.items():
        usual = score(bank, held, others)
        for novel in sorted(set(parts) - {"bank", "known"}):
            strange = score(bank, held, cells.part(parts == novel))
            found.setdefault(novel, {})[name] = auroc(usual, strange), beyond(usual, strange)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", type=Path)
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--each", type=int, default=80, help="cells of each class and part")
    parser.add_argument("--views", type=int, choices=[1, 8], default=1)
    parser.add_argument("--kept", type=Path, default=Path("novelty-features"))
    given = parser.parse_args()
    table = read_cells(given.cells)
    print("| left out | cells | " + " | ".join(SCORES) + " |")
    print("|---" * (2 + len(SCORES)) + "|", flush=True)
    every: dict[str, list[dict[str, tuple[float, float]]]] = {}
    for name in given.bundles:
        bundle = load_bundle(name)
        rows = drawn(table, known_classes(bundle), given.each)
        cells = computed(bundle, rows, given.views, given.kept)
        for novel, row in judged(cells, rows).items():
            every.setdefault("platelets" if novel == "platelets" else "class", []).append(row)
            number = int((rows["part"] == novel).sum())
            texts = [f"{area:.3f} ({share:.0%})" for area, share in row.values()]
            print(f"| {novel} | {number} | {' | '.join(texts)} |", flush=True)
    for kind, found in every.items():
        means = [np.mean([row[score] for row in found], axis=0) for score in SCORES]
        texts = [f"**{area:.3f}** ({share:.0%})" for area, share in means]
        print(f"| mean, {kind} | {len(found)} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
