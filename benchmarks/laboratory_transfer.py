"""What helps in a laboratory that a network has never seen: one left out, several seeds.

    nice python benchmarks/laboratory_transfer.py FOLDER [--only NAME ...] [--seeds 3] [--apart]

FOLDER of the benchmark's data holds mll-sample and pbc-sample. The five classes that both have
(PMO NGS EOS MON LYT) are trained on in one laboratory and judged on in the other: macro-F1 over the
five. With ``--apart`` each laboratory teaches some of the classes and is judged on the others, the
hardest case of classes that only one laboratory has: a network that learned what the laboratory
looks like, in place of the cell, gets next to nothing right.

Each line of the table changes one thing of the first line. Differences are between runs of the same
direction and seed; their interval is that of the mean over these pairs (Student's t), so it holds
what seeds do and not what other laboratories would do. Results are kept beside the runs: a call
goes on where another one ended.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import t as student
from sklearn.metrics import f1_score

import marrowscope as ms

SHARED = ("PMO", "NGS", "EOS", "MON", "LYT")
LABORATORIES = ("Munich", "Barcelona")
# Classes that the first laboratory teaches with ``--apart``, by seed; the other one has the rest.
APART = (("PMO", "NGS"), ("EOS", "MON"), ("LYT", "PMO"))
MODEL, WEIGHTS = "efficientnet-lite0", "imagenet"
# What every run has; one virtual epoch, so that the laboratory left out is predicted once.
BASE = {"epochs": 1, "learning_rate": 0.0015, "batch_size": 64, "views": 1, "average": 0.99}
_DOUBLED = {
    "augmentation.stain_scale": 0.4, "augmentation.stain_shift": 0.2, "augmentation.light": 0.1,
}  # fmt: skip
_TOGETHER = {
    **_DOUBLED, "augmentation.stain_transfer": 0.5, "augmentation.sharpness": 0.7,
    "augmentation.zoom": 0.25,
}  # fmt: skip
# Name → (changes of the recipe, weights to start from).
INGREDIENTS: dict[str, tuple[dict[str, object], str | None]] = {
    "base": ({}, WEIGHTS),
    "all together": ({**_TOGETHER, "augmentation.surroundings": 0.3}, WEIGHTS),
    "all but surroundings": (_TOGETHER, WEIGHTS),
    "stain transfer": ({"augmentation.stain_transfer": 0.5}, WEIGHTS),
    "stain and light doubled": (_DOUBLED, WEIGHTS),
    "stain and light fourfold": (
        {"augmentation.stain_scale": 0.8, "augmentation.stain_shift": 0.4,
         "augmentation.light": 0.2}, WEIGHTS,
    ),
    "no stain augmentation": (
        {f"augmentation.{name}": 0 for name in ("stain_scale", "stain_shift", "light")}, WEIGHTS,
    ),
    "surroundings hidden, half": ({"augmentation.surroundings": 0.5}, WEIGHTS),
    "sharpness": ({"augmentation.sharpness": 0.7}, WEIGHTS),
    "zoom ±30 %": ({"augmentation.zoom": 0.3}, WEIGHTS),
    "body at a tenth of the rate": ({"body_rate": 0.1}, WEIGHTS),
    "body frozen": ({"body_rate": 0.0}, WEIGHTS),
    "half the rate": ({"learning_rate": 0.00075}, WEIGHTS),
    "no label smoothing": ({"label_smoothing": 0.0}, WEIGHTS),
    "mixing of images": ({"mixup": 0.2}, WEIGHTS),
    "random weights": ({}, None),
}  # fmt: skip


def shared_cells(data: Path) -> pl.DataFrame:
    """Cells of the five classes of both laboratories."""
    munich = ms.index(data / "mll-sample", laboratory="Munich", stains=True)
    barcelona = ms.index(
        data / "pbc-sample", laboratory="Barcelona", labels_from="name-prefix", mapping="pbc",
        microns_per_pixel=0.095, stains=True,
    )  # fmt: skip
    merged = ms.merge([munich, barcelona]).table
    return merged.filter(pl.col("label").is_in(SHARED) & pl.col("error").is_null())


def taught(laboratory: str, seed: int, apart: bool) -> pl.Expr:
    """Which of the cells are trained on; the rest is judged."""
    there = pl.col("laboratory") == laboratory
    if not apart:
        return there
    return pl.col("label").is_in(APART[seed % len(APART)]) == there


def transferred(
    cells: pl.DataFrame, train: pl.Expr, folder: Path, changes: dict[str, object],
    weights: str | None, seed: int, device: str,
) -> float:  # fmt: skip
    """Macro-F1 over the five classes on what was not taught."""
    table = cells.with_columns(split=pl.when(train).then(pl.lit("train")).otherwise(pl.lit("test")))
    run = ms.train(table, folder, MODEL, changes=changes, weights=weights, seed=seed, device=device)
    rows = run.predictions()
    score = f1_score(
        rows["label"], rows["predicted"], labels=list(SHARED), average="macro", zero_division=0
    )
    shutil.rmtree(folder)
    return float(score)


def line(name: str, done: dict[str, float], seeds: range) -> str:
    """One row of the table: means by laboratory, mean difference from ``base`` and its interval."""
    means = [np.mean([done[f"{name} {seed} {one}"] for seed in seeds]) for one in LABORATORIES]
    text = f"| {name} | " + " | ".join(f"{mean:.3f}" for mean in means)
    if name == "base":
        return text + " | | |"
    apart = np.array([
        done[f"{name} {seed} {one}"] - done[f"base {seed} {one}"]
        for seed in seeds for one in LABORATORIES
    ])  # fmt: skip
    half = student.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
    middle = apart.mean()
    return text + f" | {middle:+.3f} | {middle - half:+.3f} to {middle + half:+.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", choices=INGREDIENTS, default=list(INGREDIENTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=1600, help="of each class that is seen")
    parser.add_argument("--apart", action="store_true", help="no class in two laboratories")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("laboratory_transfer"))
    given = parser.parse_args()
    given.output.mkdir(exist_ok=True)
    kept = given.output / ("apart.json" if given.apart else "left_out.json")
    done = json.loads(kept.read_text()) if kept.exists() else {}
    cells = shared_cells(given.data)
    seeds, names = range(given.seeds), list(dict.fromkeys(["base", *given.only]))
    for seed in seeds:
        for name in names:
            changes, weights = INGREDIENTS[name]
            settings = {**BASE, "target_per_class": given.images, **changes}
            for laboratory in LABORATORIES:
                key = f"{name} {seed} {laboratory}"
                if key in done:
                    continue
                done[key] = transferred(
                    cells, taught(laboratory, seed, given.apart), given.output / "run", settings,
                    weights, seed, given.device,
                )  # fmt: skip
                kept.write_text(json.dumps(done, indent=1))
                print(key, f"{done[key]:.3f}", flush=True)
    print("\n| ingredient | taught in Munich | taught in Barcelona | difference | 95 % |")
    print("|---|---|---|---|---|")
    for name in names:
        print(line(name, done, seeds))


if __name__ == "__main__":
    main()
