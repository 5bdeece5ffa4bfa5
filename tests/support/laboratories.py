"""Tables of cells of several laboratories, made up."""

import hashlib

import polars as pl


def cells_of(counts: dict[str, dict[str, int]], patients: int = 0) -> pl.DataFrame:
    """Cells by laboratory ("" for none) and class; ids of patients are each laboratory's own."""
    rows = []
    for laboratory, classes in counts.items():
        for label, count in classes.items():
            for number in range(count):
                digest = hashlib.sha256(f"{laboratory}{label}{number}".encode()).hexdigest()
                patient = f"{laboratory} {int(digest[:6], 16) % patients}" if patients else None
                path = f"/d/{laboratory or 'none'}/{label}/{number}.jpg"
                rows.append((digest[:16], path, digest, laboratory or None, patient, label))
    names = ["cell_id", "path", "sha256", "laboratory", "patient_id", "label"]
    table = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return table if patients else table.drop("patient_id")
