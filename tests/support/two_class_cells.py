"""Drawn lymphocytes and neutrophils as a cell table, and as another laboratory has them."""

from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.io.image_encoding import encode_png
from marrowscope.phantom.synthetic_cell import draw_cell


def write_two_classes(folder: Path) -> Path:
    """A table of six images of each."""
    rows = []
    for code in ("LYT", "NGS"):
        for seed in range(6):
            path = folder / f"{code}{seed}.png"
            path.write_bytes(encode_png(draw_cell(code, seed, 100).image))
            rows.append((f"{code}{seed}", str(path), code))
    pl.DataFrame(rows, schema=["cell_id", "path", "label"], orient="row").write_parquet(
        folder / "cells.parquet"
    )
    return folder / "cells.parquet"


def write_other_laboratory(folder: Path) -> Path:
    """Other light, other scale, other names: ``list.csv``, ``predictions.csv``, ``map.yaml``."""
    rows = []
    for code, name in (("LYT", "lymphoid cell"), ("NGS", "neutrophil")):
        for seed in range(6):
            path = folder / f"{code}{seed}.png"
            image = draw_cell(code, 50 + seed, 80).image * np.array([0.8, 0.7, 0.85])
            path.write_bytes(encode_png(image.astype(np.uint8)))
            rows.append((str(path), name, code if seed else "ART"))
    listed = pl.DataFrame(rows, schema=["path", "label", "predicted"], orient="row")
    listed.drop("predicted").write_csv(folder / "list.csv")
    listed.with_row_index("cell_id").write_csv(folder / "predictions.csv")
    (folder / "map.yaml").write_text("lymphoid cell: [LYT, LYI]\nneutrophil: [NGS]\n")
    return folder
