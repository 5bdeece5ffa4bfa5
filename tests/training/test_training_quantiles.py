"""What a training writes into the card about the look of its cells."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.packing import pack
from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.inference.training_appearance import FACTS, training_ranges, unlike_training
from marrowscope.io.image_decoding import read_image
from marrowscope.io.image_encoding import encode_png
from marrowscope.models.bundle import load_bundle
from marrowscope.training.training_quantiles import training_quantiles

NUCLEUS, GLASS = (70, 40, 150), (240, 236, 242)


def cell(radius: float, shade: float) -> np.ndarray:
    """A nucleus on glass, of a size and a strength of stain."""
    depth = np.zeros((250, 250), np.float32)
    cv2.circle(depth, (125, 125), round(radius * 16) // 16, 1, -1, cv2.LINE_AA)
    white, dark = np.array(GLASS, float), np.array(NUCLEUS, float)
    return np.round(white * (dark / white) ** (shade * depth[..., None])).astype(np.uint8)


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """30 lymphocytes of several sizes, and 10 blasts, which are too few to say anything of."""
    folder = tmp_path_factory.mktemp("cells")
    rows = []
    for number in range(40):
        path = folder / f"{number}.png"
        path.write_bytes(encode_png(cell(30 + number % 10, 0.8 + 0.02 * (number % 7))))
        label = "LYT" if number < 30 else "BLA"
        rows.append({"cell_id": f"cell-{number}", "path": str(path), "label": label,
                     "sha256": f"{number:064x}"})  # fmt: skip
    return pl.DataFrame(rows)


def test_classes_with_enough_cells_have_quantiles_of_every_measure(train: pl.DataFrame) -> None:
    facts = training_quantiles(train)
    assert list(facts) == ["LYT"]
    low, middle, high = facts["LYT"]["nucleus"]
    assert 55 <= low < middle < high <= 80  # diameters of radii from 30 to 39 px, less the rim
    card = load_bundle("sequential-mll7").card
    ranges = training_ranges(replace(card, data={FACTS: facts}))
    same = [read_image(Path(path)) for path in train["path"][:24]]
    assert unlike_training(same, ["LYT"] * 24, ranges) == []
    large = [cell(55, 0.9)] * 24
    assert any("nuclei" in line and "larger" in line
               for line in unlike_training(large, ["LYT"] * 24, ranges))  # fmt: skip


def test_neither_the_order_of_rows_nor_what_is_gone_changes_the_others(
    train: pl.DataFrame, tmp_path: Path
) -> None:
    assert training_quantiles(train.reverse()) == training_quantiles(train)
    gone = train.with_columns(
        pl.when(pl.col("cell_id") == "cell-3").then(pl.lit("/none.png")).otherwise("path")
        .alias("path")
    )  # fmt: skip
    assert list(training_quantiles(gone)) == ["LYT"]


def test_pixels_come_from_the_store_where_there_is_one(train: pl.DataFrame, tmp_path: Path) -> None:
    from hashlib import sha256

    hashed = train.with_columns(
        pl.Series("sha256", [sha256(Path(path).read_bytes()).hexdigest() for path in train["path"]])
    )
    pack(hashed, tmp_path / "store")
    away = hashed.with_columns(pl.lit("/none.png").alias("path"))
    assert training_quantiles(away) == {}
    assert training_quantiles(away, PixelStore(tmp_path / "store")) == training_quantiles(hashed)


def test_cells_that_are_all_the_same_have_no_quantiles(train: pl.DataFrame) -> None:
    same = train.with_columns(pl.lit(train["path"][0]).alias("path"))
    assert training_quantiles(same) == {}
