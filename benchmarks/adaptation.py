"""What `model adapt` gains in another laboratory, by the number of labelled cells.

    OMP_NUM_THREADS=1 nice python benchmarks/adaptation.py DATA BUNDLE --to Barcelona

DATA holds mll-sample and pbc-sample. BUNDLE is a model that has seen no cell of the laboratory that
it is adapted to. Judged are 60 cells of each class that both know (``--judged``), which are shown
to nobody; 50 others of each class are shown without labels, and so many of these are labelled: 0,
5, 20, 50. Each seed draws other cells. Macro-F1 over the shared classes; an answer of any other
class is an error. Seconds are of a processor and of the labels alone.

``--labelled-classes PMO NGS LYT`` labels cells of these classes only: what becomes of the others?

``--microns-per-pixel`` says what one pixel of the laboratory's images is; without it they are taken
as they are. Results are kept in a file: a call goes on where another one ended.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import torch
from sklearn.metrics import f1_score

import marrowscope as ms
from marrowscope.api.classifier import as_bundle
from marrowscope.models.bundle import Bundle
from marrowscope.training.adaptation.adaptation_cells import (
    PART,
    AdaptationCells,
    adaptation_cells,
)
from marrowscope.training.adaptation.network_adaptation import adapt_network
from marrowscope.training.adaptation.network_features import network_features
from marrowscope.training.adaptation.teaching import teach

SAMPLES = {
    "Munich": {"paths": "mll-sample"},
    "Barcelona": {"paths": "pbc-sample", "labels_from": "name-prefix", "mapping": "pbc"},
}
SHOWN = 50  # cells of each class


def cells_of(data: Path, laboratory: str, microns: float | None) -> pl.DataFrame:
    """Readable labelled cells of a laboratory."""
    settings = dict(SAMPLES[laboratory])
    table = ms.index(
        data / settings.pop("paths"), laboratory=laboratory, microns_per_pixel=microns, **settings
    )
    return table.filter(pl.col("error").is_null() & pl.col("label").is_not_null())


def divided(cells: pl.DataFrame, judged: int, seed: int) -> pl.DataFrame:
    """Cells that judge (split test), and others that are looked at and may teach (train)."""
    mixed = cells.sample(fraction=1, shuffle=True, seed=seed)
    place = pl.int_range(pl.len()).over("label")
    chosen = mixed.with_columns(place.alias("place")).filter(pl.col("place") < judged + SHOWN)
    judges = pl.when(pl.col("place") < judged).then(pl.lit("test")).otherwise(pl.lit("train"))
    return chosen.with_columns(split=judges).drop("place")


def scores(
    bundle: Bundle, cells: AdaptationCells, values: np.ndarray, classes: list[str]
) -> dict[str, object]:
    """Macro-F1 and recall of each class."""
    truth = cells.judged["label"].to_numpy()
    answers = np.array(bundle.outputs.classes)[values.argmax(axis=1)]
    score = f1_score(truth, answers, labels=classes, average="macro", zero_division=0)
    right = {one: round(float((answers[truth == one] == one).mean()), 3) for one in classes}
    return {"macro_f1": round(float(score), 4), "recall": right}


class Run:
    """One seed: statistics and features are computed once for all numbers of labels."""

    def __init__(self, bundle: Bundle, table: pl.DataFrame, classes: list[str], seed: int) -> None:
        self.bundle, self.table, self.classes, self.seed = bundle, table, classes, seed
        nameless = table.with_columns(label=pl.when(pl.col("split") == "test").then("label"))
        self.cells = adaptation_cells(nameless, bundle.card)
        made = adapt_network(bundle, self.cells, seed=seed)
        self.network = made.network.to(memory_format=torch.channels_last)
        self.before = scores(bundle, self.cells, made.before, classes)
        self.statistics = scores(bundle, self.cells, made.after, classes)
        self.rows = pl.concat([self.cells.judged, self.cells.shown.with_columns(
            pl.lit(-1, pl.Int32).alias(PART))])  # fmt: skip
        cpu, views = torch.device("cpu"), bundle.card.views
        self.features = network_features([self.network], self.rows, views, cpu, None)[0]

    def taught(self, labels: int, taught: list[str], layers: str) -> dict[str, object]:
        """With so many labelled cells of each class of ``taught``."""
        known = dict(self.table.select("cell_id", "label").rows())
        rows = self.rows.with_columns(pl.col("cell_id").replace_strict(known).alias("label"))
        place = pl.int_range(pl.len()).over("label", PART)
        teaches = (pl.col(PART) == -1) & (place < labels) & pl.col("label").is_in(taught)
        chosen = rows.select(teaches).to_series()
        judged = rows[PART] != -1
        order = [*judged.arg_true().to_list(), *chosen.arg_true().to_list()]
        cells = replace(self.cells, taught=rows.filter(chosen))
        made = teach(
            self.network, cells, self.features[:, order], self.bundle.outputs, layers,
            seed=self.seed,
        )  # fmt: skip
        return scores(self.bundle, cells, made.after, self.classes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("bundle")
    parser.add_argument("--to", choices=SAMPLES, required=True, help="laboratory to adapt to")
    parser.add_argument("--labels", type=int, nargs="*", default=[0, 5, 20, 50], help="per class")
    parser.add_argument("--labelled-classes", nargs="*", help="default: all that both know")
    parser.add_argument("--layers", nargs="*", default=["last"], choices=["last", "all"])
    parser.add_argument("--judged", type=int, default=60, help="cells per class")
    parser.add_argument("--microns-per-pixel", type=float)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--views", type=int, choices=[1, 8], help="default: those of the bundle")
    parser.add_argument("--output", type=Path, default=Path("adaptation.json"))
    given = parser.parse_args()
    bundle = as_bundle(given.bundle)
    if given.views:
        bundle = Bundle(bundle.model, replace(bundle.card, views=given.views), bundle.folder)
    cells = cells_of(given.data, given.to, given.microns_per_pixel)
    counts = dict(cells["label"].value_counts().rows())
    classes = [code for code in bundle.card.known if counts.get(code, 0) >= given.judged + SHOWN]
    cells = cells.filter(pl.col("label").is_in(classes))
    taught = given.labelled_classes or classes
    done = json.loads(given.output.read_text()) if given.output.exists() else {}
    who = f"{bundle.card.name} {bundle.card.weights_sha256[:8]} {bundle.card.views} views"
    part = f"{who}, to {given.to}, labelled {' '.join(taught)}, judged {given.judged} each"
    part += f", {given.microns_per_pixel} µm/px" if given.microns_per_pixel else ""
    print(f"{part} of {' '.join(classes)}")
    for seed in range(given.seeds):
        wanted = {
            f"{part}, {labels}, {layers}, seed {seed}": (labels, layers)
            for labels in given.labels
            for layers in (given.layers if labels else ["none"])
        }
        wanted = {key: value for key, value in wanted.items() if key not in done}
        run = None
        for key, (labels, layers) in wanted.items():
            run = run or Run(bundle, divided(cells, given.judged, seed), classes, seed)
            begun = time.process_time()
            after = run.taught(labels, taught, layers) if labels else run.statistics
            seconds = round(time.process_time() - begun)
            done[key] = {"before": run.before, "after": after, "seconds": seconds}
            given.output.write_text(json.dumps(done, indent=1))
            print(f"{labels} {layers} seed {seed}: {after}", flush=True)
    print("\n| labelled per class | labels teach | before | after | of the seeds | seconds |")
    print("|---|---|---|---|---|---|")
    for labels in given.labels:
        for layers in given.layers if labels else ["none"]:
            runs = [done[f"{part}, {labels}, {layers}, seed {s}"] for s in range(given.seeds)]
            before, after = (
                np.array([one[name]["macro_f1"] for one in runs]) for name in ("before", "after")
            )
            took = np.mean([one["seconds"] for one in runs])
            each = " ".join(f"{value:.3f}" for value in after)
            print(
                f"| {labels} | {layers} | {before.mean():.3f} | {after.mean():.3f} | {each} | "
                f"{took:.0f} |"
            )


if __name__ == "__main__":
    main()
