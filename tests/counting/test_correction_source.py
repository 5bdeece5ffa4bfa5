"""Where the answers for a correction come from, and that they fit what counts."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.cells import write_cells
from marrowscope.counting.correction_source import find_held_out, least_confidence
from marrowscope.differential.held_out_answers import held_out_from_table
from marrowscope.errors import InputError
from marrowscope.models import create
from marrowscope.models.bundle import CALIBRATION, Bundle, load_bundle
from marrowscope.models.bundle_writer import rewrite_bundle, save_bundle
from marrowscope.models.calibration import Calibration
from marrowscope.models.card import Card

KNOWN = ("BLA", "LYT", "NGS")


def answers(sure: float) -> pl.DataFrame:
    """Thirty cells of each class, all answered rightly and equally surely."""
    rows = [
        {"cell_id": f"{code}{number}", "path": "x", "label": code, "predicted": code,
         "confidence": sure, "split": "test",
         **{f"p_{one}": sure if one == code else (1 - sure) / 2 for one in KNOWN}}
        for code in KNOWN for number in range(30)
    ]  # fmt: skip
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundles") / "plain"
    save_bundle(create("sequential", len(KNOWN)), Card("toy", "sequential", KNOWN, KNOWN), folder)
    return load_bundle(folder)


@pytest.fixture
def calibrated(plain: Bundle, tmp_path: Path) -> Bundle:
    made = Calibration(
        plain.card.weights_sha256, "ninety cells", 90, 3.0, 0.9, dict.fromkeys(KNOWN, 0.3), 0.05,
        0.6, held_out_from_table(answers(0.7)).to_dict(),
    )  # fmt: skip
    rewrite_bundle(plain, plain.card, tmp_path / "new", {CALIBRATION: made.encoded()})
    return load_bundle(tmp_path / "new")


def saved(table: pl.DataFrame, folder: Path) -> Path:
    write_cells(table, folder / "held.parquet")
    return folder / "held.parquet"


def test_without_answers_there_is_no_correction(plain: Bundle) -> None:
    assert find_held_out(plain, None) == (None, None)
    assert least_confidence(plain, None) is None
    assert least_confidence(plain, 0.4) == 0.4


def test_a_calibrated_bundle_brings_its_answers_and_its_limit(calibrated: Bundle) -> None:
    held_out, source = find_held_out(calibrated, None)
    assert held_out is not None
    assert held_out.cells.tolist() == [30, 30, 30]
    assert source == "ninety cells"
    assert least_confidence(calibrated, None) == 0.6
    assert least_confidence(calibrated, 0.0) == 0.0


def test_cells_of_the_training_are_left_out(plain: Bundle, tmp_path: Path) -> None:
    table = answers(0.9)
    trained = table.with_columns(split=pl.lit("train"), predicted=pl.lit("NGS"))
    held_out, source = find_held_out(plain, saved(pl.concat([table, trained]), tmp_path))
    assert held_out is not None
    assert np.array_equal(held_out.counts, held_out_from_table(table).counts)
    assert source == str(tmp_path / "held.parquet")
    with pytest.raises(InputError, match="were trained on"):
        find_held_out(plain, saved(trained, tmp_path))


def test_older_predictions_are_tempered_as_those_that_are_counted(
    plain: Bundle, calibrated: Bundle, tmp_path: Path
) -> None:
    # 0.9 to the third root against two of 0.05: 0.57, below 0.8. Predictions are sure before it.
    path = saved(answers(0.9), tmp_path)
    sure, _ = find_held_out(plain, path)
    unsure, _ = find_held_out(calibrated, path)
    assert sure is not None and unsure is not None  # noqa: PT018
    assert [sure.counts[:, 0::2].sum(), sure.counts[:, 1::2].sum()] == [0, 90]
    assert [unsure.counts[:, 0::2].sum(), unsure.counts[:, 1::2].sum()] == [90, 0]
    # Those that 'predict' has tempered are taken as they are.
    done = saved(answers(0.9).with_columns(prediction_set=pl.lit("NGS")), tmp_path)
    as_it_is, _ = find_held_out(calibrated, done)
    assert as_it_is is not None
    assert np.array_equal(as_it_is.counts, sure.counts)
    bare = saved(answers(0.9).select(pl.exclude("^p_.*$")), tmp_path)
    with pytest.raises(InputError, match="has no p_<CODE> columns"):
        find_held_out(calibrated, bare)


def test_answers_of_another_model_are_refused(plain: Bundle, tmp_path: Path) -> None:
    path = saved(answers(0.9).with_columns(predicted=pl.lit("EBO")), tmp_path)
    with pytest.raises(InputError, match="EBO, which toy does not know"):
        find_held_out(plain, path)
