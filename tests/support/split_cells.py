"""Tables of made-up cells to be split."""

import hashlib

import polars as pl


def cells(counts: dict[str, int], patients: int = 0, repeat: int = 0) -> pl.DataFrame:
    """A table of made-up cells; ``repeat`` contents occur twice, under different cell ids."""
    rows = []
    for label, count in counts.items():
        for number in range(count):
            digest = hashlib.sha256(f"{label}{number}".encode()).hexdigest()
            patient = f"P{int(digest[:6], 16) % patients}" if patients else None
            rows.append((digest[:16], f"/d/{label}/{number}.jpg", digest, label, patient))
    for cell, path, digest, label, patient in rows[:repeat]:
        rows.append((cell + "-2", path + "2", digest, label, patient))
    names = ["cell_id", "path", "sha256", "label", "patient_id"]
    table = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return table if patients else table.drop("patient_id")
