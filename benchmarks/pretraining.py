"""What learning without labels is worth: macro-F1 with and without, for shares of the labels.

    nice python benchmarks/pretraining.py SPLIT.parquet WEIGHTS.safetensors -o runs [--seeds 2]

WEIGHTS are what `marrowscope pretrain SPLIT.parquet` made from the training images alone. For every
share of the labels and every seed the same network is trained by the same recipe twice, from random
weights and from WEIGHTS; the same cells are chosen. What is held out is scored. Killed, it goes on.
"""

import argparse
import json
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.cells import read_cells
from marrowscope.scoring import confusion_matrix, score
from marrowscope.training.recipe import load_recipe
from marrowscope.training.train import train

SHARES = (0.1, 0.25, 1.0)
RESAMPLES = 2000


def trained(
    table: pl.DataFrame, folder: Path, share: float, seed: int, weights: Path | None, target: int
) -> pl.DataFrame:
    """Held-out predictions of one run."""
    start = "random" if weights is None else "pretrained"
    run = folder / f"{start}-{share:g}-{seed}"
    recipe = load_recipe("default", [f"target_per_class={target}"])
    train(table, "sequential", recipe, run, seed=seed, share=share, weights=weights,
          resume=(run / "run.json").exists())  # fmt: skip
    return read_cells(run / "predictions.parquet", needs=["label", "predicted"])


def macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Of class places."""
    return float(score(confusion_matrix(truth, predicted, classes)[None]).macro_f1[0])


def compare(random: list[pl.DataFrame], learned: list[pl.DataFrame]) -> dict[str, object]:
    """Macro-F1 of both, mean over seeds, and the paired difference with its interval over cells."""
    codes = sorted(set(random[0]["label"]) | {c for t in random + learned for c in t["predicted"]})
    places = {code: place for place, code in enumerate(codes)}
    truth = np.array([places[code] for code in random[0]["label"]])
    answers = [
        [np.array([places[code] for code in table["predicted"]]) for table in tables]
        for tables in (random, learned)
    ]
    single = [[macro_f1(truth, one, len(codes)) for one in tables] for tables in answers]
    draws = np.random.default_rng(0)
    differences = []
    for _ in range(RESAMPLES):
        rows = draws.integers(0, len(truth), len(truth))
        both = [
            np.mean([macro_f1(truth[rows], one[rows], len(codes)) for one in tables])
            for tables in answers
        ]
        differences.append(both[1] - both[0])
    low, high = np.percentile(differences, [2.5, 97.5])
    gain = float(np.mean(single[1]) - np.mean(single[0]))
    return {"random": single[0], "pretrained": single[1], "gain": gain,
            "low": float(low), "high": float(high)}  # fmt: skip


def main() -> None:
    """Train everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("split", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--target-per-class", type=int, default=400)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    given = parser.parse_args()
    table = read_cells(given.split, needs=["label", "split"])
    found = {}
    for share in given.shares:
        tables: dict[bool, list[pl.DataFrame]] = {False: [], True: []}
        for seed, learned in product(range(given.seeds), (False, True)):
            weights = given.weights if learned else None
            tables[learned].append(
                trained(table, given.output, share, seed, weights, given.target_per_class)
            )
        found[f"{share:g}"] = line = compare(tables[False], tables[True])
        shown = {k: " ".join(f"{v:.3f}" for v in line[k]) for k in ("random", "pretrained")}
        print(f"{share:6.0%} of the labels: random {shown['random']}, pretrained "
              f"{shown['pretrained']}, gain {line['gain']:+.3f} ({line['low']:+.3f} to "
              f"{line['high']:+.3f})", flush=True)  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()
