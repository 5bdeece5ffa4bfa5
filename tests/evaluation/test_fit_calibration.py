"""Calibration: honest probabilities, sets that hold the truth, and no calls within a risk."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.cells import write_cells
from marrowscope.differential.held_out_answers import held_out_from_dict, held_out_from_table
from marrowscope.errors import InputError
from marrowscope.evaluation.fit_calibration import (
    calibrate,
    classes_without_cells,
    held_out_rows,
    require_own_predictions,
    temperature_for,
    with_temperature,
)
from marrowscope.models import create
from marrowscope.models.bundle import CALIBRATION, Bundle, load_bundle, other_parts
from marrowscope.models.bundle_writer import rewrite_bundle, save_bundle
from marrowscope.models.calibration import read_calibration
from marrowscope.models.card import Card
from support.stated_probabilities import KNOWN, drawn


def table(stated: np.ndarray, truth: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({
        "cell_id": [f"cell-{number}" for number in range(len(truth))],
        "label": [KNOWN[place] for place in truth],
        **{f"p_{code}": stated[:, k].astype(np.float32) for k, code in enumerate(KNOWN)},
        "predicted": [KNOWN[place] for place in stated.argmax(axis=1)],
        "confidence": stated.max(axis=1).astype(np.float32),
    })  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    save_bundle(create("sequential", len(KNOWN)), Card("toy", "sequential", KNOWN, KNOWN), folder)
    return load_bundle(folder)


def test_a_calibration_goes_into_a_bundle_and_out_again(bundle: Bundle, tmp_path: Path) -> None:
    stated, truth = drawn(900, 2.0, 3)
    rows = held_out_rows(table(stated, truth), bundle, "held-out")
    temperature = temperature_for(rows, KNOWN)
    warm = with_temperature(rows, temperature)
    assert warm["predicted"].equals(rows["predicted"])
    answers = held_out_from_table(warm)
    made = calibrate(rows, bundle, "900 simulated cells", answers.to_dict(), 0.9, 0.2)
    assert made.temperature == pytest.approx(2.0, rel=0.15)
    assert made.measured["ece_after"][0] < 0.04 < made.measured["ece_before"][0]
    assert made.measured["log_loss_after"] < made.measured["log_loss_before"]
    assert made.no_call is not None
    assert made.measured["error_when_called"] < made.measured["error_of_all"]
    rewrite_bundle(bundle, bundle.card, tmp_path / "new", {CALIBRATION: made.encoded()})
    loaded = load_bundle(tmp_path / "new")
    assert read_calibration(loaded) == made
    assert other_parts(loaded)[CALIBRATION] == made.encoded()
    back = held_out_from_dict(read_calibration(loaded).held_out, "bundle")  # type: ignore[union-attr]
    assert back.counts.tolist() == answers.counts.tolist()
    assert back.counts.sum() == 900


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.head(10), "at least 50"),
        (lambda rows: rows.with_columns(prediction_set=pl.lit("NGS")), "already calibrated"),
        (lambda rows: rows.drop("label"), "needs label"),
        (lambda rows: rows.rename({"p_NGS": "p_MON"}), "another classifier"),
        (lambda rows: rows.with_columns(p_NGS=pl.lit(0.9)), "do not sum to 1"),
        (lambda rows: rows.with_columns(split=pl.lit("train")), "at least 50"),
        (lambda rows: rows.with_columns(label=pl.lit("NGS")), "held-out cells of NGS only"),
    ],
)
def test_unfit_held_out_cells_are_refused(bundle: Bundle, change: object, said: str) -> None:
    rows = table(*drawn(200, 1.0, 0))
    with pytest.raises(InputError, match=said):
        held_out_rows(change(rows), bundle, "x.parquet")  # type: ignore[operator]


def test_answers_of_another_kind_of_model_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    rows = table(*drawn(60, 1.0, 0))
    for name, kind in (("own", bundle.card.architecture), ("unsaid", None)):
        write_cells(rows, tmp_path / f"{name}.parquet", kind)
        require_own_predictions(tmp_path / f"{name}.parquet", bundle)
    write_cells(rows, tmp_path / "x.csv", "features")  # a CSV cannot say it
    require_own_predictions(tmp_path / "x.csv", bundle)
    write_cells(rows, tmp_path / "x.parquet", "features")
    with pytest.raises(InputError, match="of a model of kind 'features'"):
        require_own_predictions(tmp_path / "x.parquet", bundle)


def test_known_classes_without_held_out_cells_are_named(bundle: Bundle) -> None:
    rows = table(*drawn(200, 1.0, 0)).filter(pl.col("label") != "EOS")
    assert classes_without_cells(rows, bundle.card.known) == ("EOS",)


@pytest.mark.parametrize("wrong", [{"coverage": 1.0}, {"coverage": 0.0}, {"risk": 2.0}])
def test_shares_outside_of_0_and_1_are_refused(bundle: Bundle, wrong: dict[str, float]) -> None:
    rows = held_out_rows(table(*drawn(200, 1.0, 0)), bundle, "x")
    with pytest.raises(InputError, match="between 0 and 1"):
        calibrate(rows, bundle, "x", {}, **wrong)
