"""How far a set of images lies from the training data."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.evaluation.domain_shift import (
    MEASURES,
    compare_measures,
    feature_shift,
    load_images,
    measure_domain_shift,
    measure_image,
)
from marrowscope.io.image_encoding import encode_png
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.report.external_figures import domain_shift_figure


def test_standardized_differences_by_hand() -> None:
    base = [dict.fromkeys(MEASURES, float(value)) for value in (1, 2, 3)]
    given_ = [dict.fromkeys(MEASURES, float(value)) for value in (4, 6, float("nan"))]
    found = compare_measures(base, given_)[0]
    assert (found.reference_mean, found.reference_sd, found.mean) == (2, 1, 5)
    assert (found.difference, found.outside) == (3, 1)


def test_blur_and_light_are_seen_and_the_rest_is_not_touched() -> None:
    image = draw_cell("LYT", 1).image
    import cv2

    plain, soft = measure_image(image), measure_image(cv2.GaussianBlur(image, (0, 0), 6))
    dark = measure_image((image * 0.8).astype(np.uint8))
    assert soft["blur"] > plain["blur"] + 0.2
    assert soft["brightness"] == pytest.approx(plain["brightness"], abs=1)
    assert dark["light"] == pytest.approx(0.8 * plain["light"], abs=1)
    blank = measure_image(np.full((250, 250, 3), 250, np.uint8))
    assert np.isnan(blank["blur"])
    assert np.isnan(blank["density"])
    assert blank["stained"] == 0


def test_features_of_the_same_kind_are_near_and_others_far() -> None:
    random = np.random.default_rng(0)
    base = random.normal(size=(200, 8))
    same = feature_shift(base, random.normal(size=(100, 8)))
    far = feature_shift(base, random.normal(6, 1, size=(100, 8)))
    assert same.ratio == pytest.approx(1, abs=0.1)
    assert same.beyond < 0.15
    assert far.beyond == 1
    assert far.ratio > 4


def write(folder: Path, code: str, seeds: range, size: int = 250, light: float = 1.0) -> list[str]:
    folder.mkdir(exist_ok=True)
    paths = []
    for seed in seeds:
        path = folder / f"{code}-{seed}.png"
        image = (draw_cell(code, seed, size).image * light).astype(np.uint8)
        path.write_bytes(encode_png(image))
        paths.append(str(path))
    return paths


def test_a_darker_set_lies_away_and_the_training_data_themselves_do_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = create("sequential", 22).eval()
    bundle = Bundle(network, Card("x", "sequential", ("LYT", "NGS"), ("LYT", "NGS")))
    base = pl.DataFrame({"path": write(tmp_path / "a", "LYT", range(12))})
    dark = pl.DataFrame({"path": write(tmp_path / "b", "LYT", range(20, 32), 120, 0.7)})
    moved = measure_domain_shift(base, dark, bundle)
    by_name = {entry.name: entry for entry in moved.measures}
    assert by_name["light"].difference < -1
    assert by_name["brightness"].difference < -1
    assert moved.features is not None
    itself = measure_domain_shift(base, base)
    assert all(abs(entry.difference) < 1e-9 for entry in itself.measures)
    assert itself.features is None
    domain_shift_figure(moved).canvas.draw()


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    table = pl.DataFrame({"path": ["none.png"] * 20})
    with pytest.raises(InputError, match="0 of 20 images"):
        load_images(table)
