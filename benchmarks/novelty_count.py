"""What a count becomes of a smear in which every tenth cell is of a class the model never saw.

    OMP_NUM_THREADS=2 nice python benchmarks/novelty_count.py WORK

Draws fields of twelve classes, trains a small network on their cells, calibrates it with cells of
other fields, draws fields of a smear with 10 % plasma cells among the twelve classes, and counts it
with and without a limit for what is unlike anything known. WORK keeps fields and network.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

import marrowscope as ms

# Per cent of the cells that the network knows; about those of a normal marrow.
KNOWN = {
    "BLA": 2, "PMO": 5, "MYB": 11, "MMZ": 12, "NGB": 14, "NGS": 18, "EOS": 3, "BAS": 1,
    "MON": 2, "EBO": 20, "LYT": 10, "NIF": 2,
}  # fmt: skip
STRANGER, SHARE = "PLM", 0.1
LARGEST_DISTANCE = 4.0  # µm between a located cell and the true one


def taught_cells(work: Path, fields: int) -> pl.DataFrame:
    """Cells of fields with equal shares; a third of the fields is held out."""
    folder = work / "fields"
    if not (folder / "cells.parquet").exists():
        ms.draw_fields(folder, fields, composition=dict.fromkeys(KNOWN, 1.0), seed=1)
    cells = ms.read_cells(folder / "cells.parquet").filter(pl.col("label").is_in(list(KNOWN)))
    cells = cells.filter("judgeable")
    field = pl.col("field_id").rank("dense").cast(pl.Int64)
    return cells.with_columns(
        in_field=pl.lit(True),  # each is a place in its picture
        split=pl.when(field % 3 == 0).then(pl.lit("test")).otherwise(pl.lit("train")),
    )


def calibrated_model(
    work: Path, fields: int, images: int, epochs: int, weights: str | None
) -> Path:
    """A network that was never shown the stranger, and knows when it is shown it."""
    run, made = work / "run", work / "calibrated"
    if not (run / "predictions.parquet").exists():
        changes = {"epochs": epochs, "target_per_class": images, "views": 1}
        ms.train(taught_cells(work, fields), run, changes=changes, weights=weights, say=print)
    if not made.exists():
        result = ms.calibrate_model(run / "bundle", run / "predictions.parquet", made)
        print(*result.warnings, sep="\n")
    return made


def smear_of(work: Path, fields: int) -> ms.SyntheticFields:
    """Fields of one smear, with their truth."""
    total = sum(KNOWN.values())
    mix = {code: weight / total * (1 - SHARE) for code, weight in KNOWN.items()}
    return ms.draw_fields(work / "smear", fields, composition={**mix, STRANGER: SHARE}, seed=7)


def with_truth(cells: pl.DataFrame, smear: ms.SyntheticFields) -> pl.DataFrame:
    """Cells with ``truth``: the class of the nearest true cell, null where none is near."""
    found = []
    for (field,), rows in cells.partition_by("field_id", as_dict=True).items():
        real = smear.table.filter(field_id=Path(str(field)).stem)
        distance, place = cKDTree(real.select("x", "y").to_numpy()).query(
            rows.select("x", "y").to_numpy()
        )
        near = pl.Series(distance * smear.microns_per_pixel <= LARGEST_DISTANCE)
        labels = real["label"].gather(place)
        found.append(rows.with_columns(truth=pl.when(near).then(labels)))
    return pl.concat(found)


def told(count: ms.CountResult, smear: ms.SyntheticFields) -> pl.DataFrame:
    """Cells that were looked at and their true classes; prints what became of the strangers."""
    cells = with_truth(count.cells.filter(pl.col("role") != "left out"), smear)
    strangers = cells.filter(truth=STRANGER)
    others = cells.filter(pl.col("truth").is_in(list(KNOWN)))
    novel = [part["role"].eq("novel").mean() for part in (strangers, others)]
    print(f"{cells.height} cells. Unlike anything known: {novel[0]:.0%} of {strangers.height} "
          f"plasma cells, {novel[1]:.1%} of {others.height} of known classes")  # fmt: skip
    taken = strangers.filter(role="counted")["predicted"].value_counts(sort=True)
    print("plasma cells counted as", dict(taken.iter_rows()))
    counted = others.filter(role="counted")
    right = counted["truth"].eq(counted["predicted"]).mean()
    print(f"right of the {counted.height} counted cells of known classes: {right:.1%}")
    print(*(f"- {line}" for line in count.sentences), sep="\n")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--fields", type=int, default=24)
    parser.add_argument("--smear", type=int, default=12, help="fields that are counted")
    parser.add_argument("--images", type=int, default=150, help="of each class in an epoch")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--weights", help="of a sequential network, to start from")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    model = ms.load_model(
        calibrated_model(given.work, given.fields, given.images, given.epochs, given.weights)
    )
    smear = smear_of(given.work, given.smear)
    shares = {}
    for name, novelty in (("without", False), ("with", True)):
        count = ms.count(
            smear.folder, model, cells=100_000, min_confidence=0, novelty=novelty,
            microns_per_pixel=smear.microns_per_pixel,
        )  # fmt: skip
        print(f"\n{name} a limit:", end=" ")
        cells = told(count, smear)
        shares[name] = dict(count.table.select("code", "share").iter_rows())
    counted = [code for code in KNOWN if code in shares["with"]]  # not identifiable ones are not
    real = cells.filter(pl.col("truth").is_in(counted))["truth"].value_counts(normalize=True)
    truth = dict(real.iter_rows())
    print("\n| class | true share | counted without | with |\n|---|---|---|---|")
    wrong = np.zeros(2)
    for code in counted:
        row = np.array([truth.get(code, 0.0), *(shares[name][code] or 0.0 for name in shares)])
        wrong += abs(row[1:] - row[0])
        print(f"| {code} | " + " | ".join(f"{100 * share:.1f}" for share in row) + " |")
    print(f"| sum of errors, points | | {100 * wrong[0]:.1f} | {100 * wrong[1]:.1f} |")


if __name__ == "__main__":
    main()
