"""How many of the labels most in doubt are wrong, when labels were made wrong on purpose.

    nice python benchmarks/label_noise.py features CELLS.parquet BUNDLE [--thin MON:12]

    nice python benchmarks/label_noise.py laboratories PREDICTIONS.parquet

    nice python benchmarks/label_noise.py flip CELLS.parquet WRONG.parquet [--seed 0]
    nice marrowscope crossval WRONG.parquet -o cv
    nice python benchmarks/label_noise.py judge WRONG.parquet PREDICTIONS.parquet [...]

``laboratories`` makes labels wrong in predictions of held-out cells of several laboratories, each
to another class of the same one, and compares what is usual in a class with what is usual in the
class of the laboratory. ``features`` is quick and repeats with many seeds; ``flip`` and ``judge``
take whole networks that were trained on the wrong labels. For ``features`` CELLS is a cell table
with ``path`` and ``label`` of cells that BUNDLE was not trained on; rows of the split ``train`` are
left out. The network gives frozen features; out-of-fold probabilities come from a logistic
regression on these features, trained in five folds on the wrong labels, so neither stage has seen
the true label of a cell that it judges. The labels of CELLS are taken for true, which they are not
all: a label that was wrong before and is found counts as a false alarm.
"""

import argparse
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import torch
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from marrowscope.cells import PROBABILITY, read_cells, usable, write_cells
from marrowscope.evaluation.label_issues import estimated_errors, ranks, relative_odds
from marrowscope.io.image_decoding import read_image
from marrowscope.models.bundle import load_bundle
from marrowscope.morphology import BY_CODE, CLASSES, TOLERATED
from marrowscope.preprocessing import prepare

BATCH = 32
FIRST_SEED = 1000  # rank and penalty were chosen on seeds below 200
PENALTY = 0.003  # C of the logistic regression: strong, for some labels are wrong
Places = NDArray[np.int64]
Array = NDArray[np.float64]

SCENARIOS = {
    "5 % at random": (0.05, 0.0),
    "5 % between neighbours": (0.0, 0.05),
    "5 % + 5 %": (0.05, 0.05),
}


def features(paths: list[str], bundle: str) -> NDArray[np.float32]:
    """(N, D) what the last linear layer of a bundle's network is given."""
    model = load_bundle(bundle).model.eval()
    last = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)][-1]
    kept: list[torch.Tensor] = []
    last.register_forward_pre_hook(lambda _, given: kept.append(given[0].detach().clone()))
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            pixels = np.stack(
                [prepare(read_image(Path(path)), None) for path in paths[start : start + BATCH]]
            )
            model(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    found: NDArray[np.float32] = torch.cat(kept).numpy()
    return found


def neighbours(codes: list[str]) -> dict[int, list[int]]:
    """Classes that a class is mistaken for: tolerated mix-ups, and the next stages that occur."""
    pairs = {tuple(pair) for pair in TOLERATED}
    for series in {cell.series for cell in CLASSES if cell.series}:
        stages = sorted(
            {(BY_CODE[code].maturity, code) for code in codes
             if code in BY_CODE and BY_CODE[code].series == series}
        )  # fmt: skip
        pairs |= {(low[1], high[1]) for low, high in pairwise(stages)}
    both = pairs | {(second, first) for first, second in pairs}
    near = {
        place: [codes.index(other) for first, other in sorted(both)
                if first == code and other in codes]
        for place, code in enumerate(codes)
    }  # fmt: skip
    return {place: others for place, others in near.items() if others}


def with_errors(truth: Places, codes: list[str], shares: tuple[float, float], seed: int) -> Places:
    """Labels of which shares of all are wrong: at random, and between neighbours."""
    random = np.random.default_rng(seed)
    labels = truth.copy()
    near = neighbours(codes)
    at_random, between = (round(share * len(truth)) for share in shares)
    can = np.flatnonzero(np.isin(truth, list(near)))
    mistaken = random.choice(can, min(between, len(can)), replace=False)
    for cell in mistaken:
        labels[cell] = random.choice(near[int(truth[cell])])
    others = np.setdiff1d(np.arange(len(truth)), mistaken)
    for cell in random.choice(others, at_random, replace=False):
        labels[cell] = random.choice([k for k in range(len(codes)) if k != truth[cell]])
    return labels


def out_of_fold(values: NDArray[np.float32], labels: Places, seed: int) -> Array:
    """(N, C) probabilities of a logistic regression that was trained without the cell."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=500))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found: Array = cross_val_predict(model, values, labels, cv=folds, method="predict_proba")
    return found


def by_class_share(labels: Places, values: Array) -> Array:
    """The same share of every class: place in the class by the label's probability."""
    own = values[np.arange(len(labels)), labels]
    _, within = ranks(own, labels)
    return within / np.bincount(labels)[labels]


def by_cleanlab(method: str, adjusted: bool) -> Callable[[Places, Array], Array]:
    def scores(labels: Places, values: Array) -> Array:
        return np.asarray(
            get_label_quality_scores(labels, values, method=method, adjust_pred_probs=adjusted)
        )

    return scores


METHODS: dict[str, Callable[[Places, Array], Array]] = {
    "marrowscope noise": relative_odds,
    "cleanlab self_confidence": by_cleanlab("self_confidence", False),
    "cleanlab self_confidence, adjusted": by_cleanlab("self_confidence", True),
    "cleanlab normalized_margin": by_cleanlab("normalized_margin", False),
    "cleanlab normalized_margin, adjusted": by_cleanlab("normalized_margin", True),
    "same share of every class": by_class_share,
}


def measure(
    values: NDArray[np.float32], truth: Places, codes: list[str], repeats: int, watched: int | None
) -> None:
    top = round(0.05 * len(truth))
    print(f"{len(truth)} cells of {len(codes)} classes; top 5 % = {top} cells; {repeats} seeds")
    for name, shares in SCENARIOS.items():
        precision: dict[str, list[float]] = {method: [] for method in METHODS}
        of_watched: dict[str, list[float]] = {method: [] for method in METHODS}
        right, suggested, counts, wrong_total = [], [], [], 0
        for seed in range(FIRST_SEED, FIRST_SEED + repeats):
            labels = with_errors(truth, codes, shares, seed)
            wrong = labels != truth
            wrong_total = int(wrong.sum())
            probabilities = out_of_fold(values, labels, seed)
            best = probabilities.argmax(axis=1)
            right.append(float((best == truth).mean()))
            counts.append(int(estimated_errors(labels, probabilities).sum()))
            for method, score in METHODS.items():
                order, _ = ranks(score(labels, probabilities), labels)
                listed = order <= top
                precision[method].append(float(wrong[listed].mean()))
                if watched is not None:
                    of_watched[method].append(float(listed[labels == watched].mean()))
                if score is relative_odds:
                    suggested.append(float((best == truth)[listed & wrong].mean()))
        most = min(1.0, wrong_total / top)
        print(f"\n{name}: {wrong_total} wrong labels, best possible precision {most:.2f}; "
              f"out-of-fold accuracy against the truth {np.mean(right):.3f}; errors estimated "
              f"{np.mean(counts):.0f}; suggested class right {np.mean(suggested):.2f}")  # fmt: skip
        for method, found in precision.items():
            extra = f"   of the rare class {np.mean(of_watched[method]):.0%} listed" if (
                watched is not None) else ""  # fmt: skip
            print(f"  {method:36} {np.mean(found):.3f} ± {np.std(found, ddof=1):.3f}{extra}")


def by_features(cells: Path, bundle: str, repeats: int, thin: str | None) -> None:
    torch.set_num_threads(1)
    table = usable(read_cells(cells, needs=("label",))).drop_nulls("label")
    if "split" in table.columns:
        table = table.filter(table["split"].fill_null("") != "train")
    rare, number = thin.split(":") if thin else ("", "0")
    if thin:
        few = table.filter(table["label"] == rare).head(int(number))
        table = table.filter(table["label"] != rare).vstack(few)
    codes, truth = as_places(table["label"])
    watched = codes.index(rare) if thin else None
    measure(features(table["path"].to_list(), bundle), truth, codes, repeats, watched)


def as_places(labels: pl.Series) -> tuple[list[str], Places]:
    codes = [cell.code for cell in CLASSES if cell.code in set(labels)]
    return codes, np.array([codes.index(label) for label in labels], dtype=np.int64)


def flip(cells: Path, output: Path, seed: int) -> None:
    """A copy with 5 % + 5 % wrong labels, the true ones in the column ``truth``."""
    table = usable(read_cells(cells, needs=("label",))).drop_nulls("label")
    codes, truth = as_places(table["label"])
    wrong = with_errors(truth, codes, SCENARIOS["5 % + 5 %"], seed)
    labels = pl.Series("label", [codes[place] for place in wrong])
    kept = table.drop("split", "fold", strict=False).with_columns(truth=table["label"])
    write_cells(kept.with_columns(labels), output)
    print(f"{(wrong != truth).sum()} of {len(truth)} labels are wrong now → {output}")


def judge(wrong: Path, predictions: list[Path]) -> None:
    """Precision of the top 5 % by the out-of-fold predictions of all folds."""
    rows = pl.concat([read_cells(path) for path in predictions], how="diagonal_relaxed")
    known = read_cells(wrong).select("cell_id", "truth", pl.col("label").alias("given"))
    rows = rows.drop("truth", "given", strict=False).join(known, on="cell_id")
    codes, truth = as_places(rows["truth"])
    labels = np.array([codes.index(label) for label in rows["given"]], dtype=np.int64)
    values = rows.select(pl.col(PROBABILITY + code).cast(pl.Float64) for code in codes).to_numpy()
    values = values / values.sum(axis=1, keepdims=True)
    top, mistaken = round(0.05 * len(truth)), labels != truth
    near = neighbours(codes)
    beside = np.array([wrong in near.get(int(right), []) for right, wrong in
                       zip(truth, labels, strict=True)])  # fmt: skip
    print(f"{len(truth)} cells, {mistaken.sum()} wrong labels, top 5 % = {top}; out-of-fold "
          f"accuracy {(values.argmax(axis=1) == truth).mean():.3f} against the truth, errors "
          f"estimated {estimated_errors(labels, values).sum()}")  # fmt: skip
    for method, score in METHODS.items():
        order, _ = ranks(score(labels, values), labels)
        listed = order <= top
        print(f"  {method:36} {mistaken[listed].mean():.3f}, of wrong labels between neighbours "
              f"{listed[mistaken & beside].mean():.0%} listed, of others "
              f"{listed[mistaken & ~beside].mean():.0%}")  # fmt: skip


def by_laboratory(predictions: Path, repeats: int) -> None:
    rows = read_cells(predictions).drop_nulls(["label", "laboratory"])
    codes = sorted(set(rows["label"]))
    values: Array = rows.select(PROBABILITY + code for code in codes).to_numpy().astype(float)
    values /= values.sum(axis=1, keepdims=True)
    truth: Places = np.array([codes.index(label) for label in rows["label"]])
    names = sorted(set(rows["laboratory"]))
    owners: Places = np.array([names.index(name) for name in rows["laboratory"]])
    top = round(0.05 * len(truth))
    found: dict[str, list[list[float]]] = {"class": [], "class of the laboratory": []}
    for seed in range(repeats):
        random = np.random.default_rng(seed)
        wrong, labels = random.random(len(truth)) < 0.05, truth.copy()
        for cell in np.flatnonzero(wrong):
            here = np.unique(truth[owners == owners[cell]])
            labels[cell] = random.choice(here[here != truth[cell]])
        groups = np.unique(labels + len(codes) * owners, return_inverse=True)[1]
        for name, usual in zip(found, (None, groups), strict=True):
            first = ranks(relative_odds(labels, values, usual), labels)[0] <= top
            of_each = [(first & wrong & (owners == k)).sum() / (wrong & (owners == k)).sum()
                       for k in range(len(names))]  # fmt: skip
            shares = [(first & (owners == k)).sum() / top for k in range(len(names))]
            found[name].append([(first & wrong).sum() / top, *of_each, *shares])
    for name, scores in found.items():
        mean, spread = np.mean(scores, axis=0), np.std(scores, axis=0)
        recall, share = mean[1 : 1 + len(names)], mean[1 + len(names) :]
        print(f"usual in the {name}: precision {mean[0]:.2f} ± {spread[0]:.2f}")
        for lab, one, other in zip(names, recall, share, strict=True):
            print(f"  {lab}: {one:.2f} of its wrong labels, {other:.0%} of the list")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(required=True, dest="verb")
    quick = verbs.add_parser("features")
    quick.add_argument("cells", type=Path)
    quick.add_argument("bundle")
    quick.add_argument("--repeats", type=int, default=20)
    quick.add_argument("--thin", help="CODE:N, keep N cells of a class, to see a rare one")
    several = verbs.add_parser("laboratories")
    several.add_argument("predictions", type=Path)
    several.add_argument("--repeats", type=int, default=20)
    make = verbs.add_parser("flip")
    make.add_argument("cells", type=Path)
    make.add_argument("output", type=Path)
    make.add_argument("--seed", type=int, default=0)
    see = verbs.add_parser("judge")
    see.add_argument("wrong", type=Path)
    see.add_argument("predictions", type=Path, nargs="+")
    options = vars(parser.parse_args())
    modes = {
        "features": by_features, "laboratories": by_laboratory, "flip": flip, "judge": judge,
    }  # fmt: skip
    modes[options.pop("verb")](**options)


if __name__ == "__main__":
    main()
