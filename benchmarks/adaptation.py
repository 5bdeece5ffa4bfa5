"""What `model adapt` gains in another laboratory, by the number of labelled cells.

    OMP_NUM_THREADS=1 nice python benchmarks/adaptation.py DATA BUNDLE --to Barcelona

DATA holds mll-sample and pbc-sample. BUNDLE is a model that has seen no cell of the laboratory that
it is adapted to. Judged are 60 cells of each class that both know (``--judged``), which are shown
to nobody; 50 others of each class are shown without labels, and so many of these are labelled: 0,
5, 20, 50. Each seed draws other cells. Macro-F1 over the shared classes; an answer of any other
class is an error.

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
from sklearn.metrics import f1_score

import marrowscope as ms
from marrowscope.api.classifier import as_bundle
from marrowscope.models.bundle import Bundle
from marrowscope.training.adaptation.adaptation_cells import adaptation_cells
from marrowscope.training.adaptation.network_adaptation import adapt_network

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


def divided(
    cells: pl.DataFrame, judged: int, labels: int, taught: list[str], seed: int
) -> pl.DataFrame:
    """Cells that judge (split test), teach (train), or are looked at only (neither)."""
    mixed = cells.sample(fraction=1, shuffle=True, seed=seed)
    place = pl.int_range(pl.len()).over("label")
    chosen = mixed.with_columns(place.alias("place")).filter(pl.col("place") < judged + SHOWN)
    teaches = (pl.col("place") < judged + labels) & pl.col("label").is_in(taught)
    judges = pl.col("place") < judged
    return chosen.with_columns(
        split=pl.when(judges).then(pl.lit("test")).when(teaches).then(pl.lit("train")),
        label=pl.when(judges | teaches).then("label"),
    ).drop("place")


def measured(
    bundle: Bundle, table: pl.DataFrame, classes: list[str], layers: str, seed: int
) -> dict[str, object]:
    """Macro-F1 before and after, recall of each class, seconds."""
    begun = time.perf_counter()
    cells = adaptation_cells(table, bundle.card, teach=layers != "none", seed=seed)
    made = adapt_network(bundle, cells, layers=layers, seed=seed)
    seconds = time.perf_counter() - begun
    truth = cells.judged["label"].to_numpy()
    found: dict[str, object] = {"steps": list(made.steps), "seconds": round(seconds)}
    for name, values in (("before", made.before), ("after", made.after)):
        answers = np.array(bundle.outputs.classes)[values.argmax(axis=1)]
        score = f1_score(truth, answers, labels=classes, average="macro", zero_division=0)
        right = {one: float((answers[truth == one] == one).mean()) for one in classes}
        found[name] = round(float(score), 4)
        found[f"recall {name}"] = {one: round(value, 3) for one, value in right.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("bundle")
    parser.add_argument("--to", choices=SAMPLES, required=True, help="laboratory to adapt to")
    parser.add_argument("--labels", type=int, nargs="*", default=[0, 5, 20, 50], help="per class")
    parser.add_argument("--labelled-classes", nargs="*", help="default: all that both know")
    parser.add_argument("--layers", nargs="*", default=["auto"], choices=["auto", "last", "all"])
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
    print(f"{part} of {' '.join(classes)}\n")
    print("| labelled per class | labels teach | before | after | of the seeds | seconds |")
    print("|---|---|---|---|---|---|", flush=True)
    for labels in given.labels:
        for layers in given.layers if labels else ["none"]:
            runs = []
            for seed in range(given.seeds):
                key = f"{part}, {labels}, {layers}, seed {seed}"
                if key not in done:
                    table = divided(cells, given.judged, labels, taught, seed)
                    done[key] = measured(bundle, table, classes, layers, seed)
                    given.output.write_text(json.dumps(done, indent=1))
                runs.append(done[key])
            before, after = (np.array([run[name] for run in runs]) for name in ("before", "after"))
            teach = ", ".join(sorted({run["steps"][-1] for run in runs})) if labels else "nothing"
            each = " ".join(f"{value:.3f}" for value in after)
            took = np.mean([run["seconds"] for run in runs])
            print(
                f"| {labels} | {teach} | {before.mean():.3f} | {after.mean():.3f} | {each} | "
                f"{took:.0f} |", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
