"""Matching stain and light on real cells."""

from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.dataset.indexing import index
from marrowscope.dataset.stain_normalization import normalized_images, reference_appearance
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.openvino_engine import OpenVinoEngine
from marrowscope.io.image_decoding import read_image
from marrowscope.io.image_encoding import encode_png
from marrowscope.models.bundle import load_bundle
from support.real_data import linked_sample

PER_CLASS = 8


def test_matching_gives_a_network_back_what_another_light_and_stain_took(
    mll_sample: Path, tmp_path: Path
) -> None:
    table = index([linked_sample(mll_sample, tmp_path / "cells", 2 * PER_CLASS)])
    # Half gives the reference, the other half becomes foreign.
    odd = pl.Series(np.arange(table.height) % 2 == 1)
    reference, cells = table.filter(odd), table.filter(~odd)
    change = np.array([[1.1, -0.1, 0.0], [0.0, 0.8, 0.1], [0.1, 0.0, 1.0]])
    paths = []
    for row, path in enumerate(cells["path"]):
        density = -np.log(np.maximum(read_image(Path(path)), 1) / 255) @ change
        image = np.array([190, 180, 215]) * np.exp(-np.maximum(density, 0))
        paths.append(str(tmp_path / f"{row}.png"))
        Path(paths[-1]).write_bytes(encode_png(image.astype(np.uint8)))
    foreign = cells.with_columns(pl.Series("path", paths))
    for row, image in normalized_images(foreign, reference_appearance(reference)):
        assert image is not None
        Path(tmp_path / f"m{row}.png").write_bytes(encode_png(image))
    back = cells.with_columns(
        pl.Series("path", [str(tmp_path / f"m{row}.png") for row in range(cells.height)])
    )
    engine = OpenVinoEngine(load_bundle("sequential-mll7"))

    def right(rows: pl.DataFrame) -> float:
        result = predict_table(engine, rows.drop("cell_id"))
        return float((result["predicted"] == result["label"]).mean())  # type: ignore[arg-type]

    before, after, untouched = right(foreign), right(back), right(cells)
    assert after > before + 0.15
    assert after > untouched - 0.15
