"""Cells of another laboratory, by hand: its classes, what was predicted, and the mapping."""

import polars as pl

from marrowscope.evaluation.class_mapping import ClassMapping

MAPPING: ClassMapping = {
    "myeloblast": ("BLA",),
    "neutrophil": ("NGB", "NGS"),
    "red precursor": ("EBO",),
}


def predictions(*rows: tuple[str | None, str | None, float]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"label": pl.String, "predicted": pl.String, "confidence": pl.Float32},
        orient="row",
    )


TABLE = predictions(
    ("myeloblast", "BLA", 0.9),
    ("myeloblast", "PMO", 0.8),  # right lineage, wrong class
    ("myeloblast", "LYT", 0.4),
    ("myeloblast", "ART", 0.9),  # no call
    ("neutrophil", "NGS", 0.9),
    ("neutrophil", "NGB", 0.3),
    ("neutrophil", "NIF", 0.2),  # no call
    ("neutrophil", None, 0.0),  # unreadable
    (None, "BLA", 0.9),  # without a class
)
