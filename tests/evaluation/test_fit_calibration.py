"""Calibration: honest probabilities, sets that hold the truth, and no calls within a risk."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

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
from marrowscope.evaluation.reliability import expected_calibration_error
from marrowscope.evaluation.temperature_scaling import (
    fit_temperature,
    no_call_threshold,
    prediction_set_thresholds,
)
from marrowscope.inference.calibrated_engine import CalibratedEngine, with_decisions
from marrowscope.models import create
from marrowscope.models.bundle import CALIBRATION, Bundle, load_bundle, other_parts, save_bundle
from marrowscope.models.calibration import Calibration, read_calibration, tempered
from marrowscope.models.card import Card

KNOWN = ("BLA", "LYT", "EOS", "NGS")


def drawn(count: int, temperature: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Stated probabilities, and classes drawn from the honest ones, whose temperature is T."""
    random = np.random.default_rng(seed)
    logits = 3 * random.standard_normal((count, len(KNOWN)))
    honest = np.exp(logits / temperature)
    honest /= honest.sum(axis=1, keepdims=True)
    stated = np.exp(logits - logits.max(axis=1, keepdims=True))
    stated /= stated.sum(axis=1, keepdims=True)
    truth = (honest.cumsum(axis=1) < random.random(count)[:, None]).sum(axis=1)
    return stated, np.minimum(truth, len(KNOWN) - 1)


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


def test_the_calibration_error_of_a_hand_worked_example() -> None:
    # Bin .6 to .7: mean .65, half right; bin .9 to 1: mean .95, all right.
    error, points = expected_calibration_error(
        np.array([0.62, 0.68, 0.95, 0.95]), np.array([True, False, True, True])
    )
    assert error == pytest.approx((2 * 0.15 + 2 * 0.05) / 4)
    assert points == [(pytest.approx(0.65), 0.5, 2), (pytest.approx(0.95), 1.0, 2)]


@settings(max_examples=12, deadline=None)
@given(temperature=st.floats(0.4, 4.0), seed=st.integers(0, 1000))
def test_the_temperature_that_made_the_cells_is_found(temperature: float, seed: int) -> None:
    found = fit_temperature(*drawn(6_000, temperature, seed))
    assert found == pytest.approx(temperature, rel=0.12)


@given(
    rows=st.lists(st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4), min_size=1, max_size=6),
    temperature=st.floats(0.1, 10.0),
)
def test_tempering_keeps_order_and_sum(rows: list[list[float]], temperature: float) -> None:
    values = np.array(rows, np.float32)
    values /= values.sum(axis=1, keepdims=True)
    result = tempered(values, temperature)
    np.testing.assert_allclose(result.sum(axis=1), 1, atol=1e-5)
    for before, after in zip(values, result, strict=True):
        assert (np.diff(after[np.argsort(before)]) >= -1e-6).all()
    np.testing.assert_allclose(tempered(values, 1.0), values, atol=1e-6)


def test_what_is_impossible_stays_so_and_unread_rows_stay_unread() -> None:
    result = tempered(np.array([[0.0, 0.9, 0.1], [np.nan] * 3], np.float32), 2.0)
    assert result[0, 0] == 0
    assert result[0, 1] / result[0, 2] == pytest.approx(3)
    assert np.isnan(result[1]).all()


def test_the_least_probability_is_the_one_of_the_rule() -> None:
    # Nine cells, 80 %: ceil(10 · .8) = 8th largest.
    values = np.zeros((9, 2))
    values[:, 0] = np.arange(1, 10) / 10
    least = prediction_set_thresholds(values, np.zeros(9, int), ("BLA", "LYT"), 0.8)
    assert least == {"BLA": pytest.approx(0.2), "LYT": 0.0}  # no cell of LYT: always in the set


def test_sets_hold_the_class_as_often_as_promised() -> None:
    hits, cells = np.zeros(len(KNOWN)), np.zeros(len(KNOWN))
    for seed in range(60):
        stated, truth = drawn(700, 1.7, seed)
        fit, test = slice(0, 300), slice(300, None)
        least = prediction_set_thresholds(stated[fit], truth[fit], KNOWN, 0.9)
        inside = stated[test] >= np.array([least[code] for code in KNOWN])
        for place in range(len(KNOWN)):
            own = truth[test] == place
            hits[place] += inside[own, place].sum()
            cells[place] += own.sum()
    # Exchangeable cells: .9 to .9 + 1/(n + 1); the slack is that of 60 draws of the limits.
    assert (hits / cells > 0.885).all()
    assert (hits / cells < 0.93).all()


def test_the_risk_is_kept_in_nineteen_of_twenty_draws() -> None:
    broken, found, draws = 0, 0, 150
    population = drawn(60_000, 1.5, 12_345)
    for seed in range(draws):
        stated, truth = drawn(1_000, 1.5, seed)
        limit = no_call_threshold(stated.max(axis=1), stated.argmax(axis=1) == truth, 0.1)
        if limit is None:
            continue
        found += 1
        called = population[0].max(axis=1) >= limit
        broken += bool((population[0].argmax(axis=1) != population[1])[called].mean() > 0.1)
    assert found > draws / 2, found
    assert broken <= binom.ppf(0.999, draws, 0.05)


def test_no_call_by_hand() -> None:
    confidence = np.linspace(1.0, 0.5, 200)
    assert no_call_threshold(confidence, np.ones(200, bool), 0.05) == 0.0  # all right: call all
    assert no_call_threshold(confidence, np.zeros(200, bool), 0.05) is None
    assert no_call_threshold(confidence[:170], np.ones(170, bool), 0.05) is None  # too few
    right = np.ones(200, bool)
    right[180:] = False
    # Of twenty steps those with 180, 190, 200 cells are tested: without an error the bound is
    # 1.7 %; with ten of 190 8.8 %.
    assert no_call_threshold(confidence, right, 0.05) == pytest.approx(confidence[179])
    # Equal confidences are called together or not at all.
    even = np.where(np.arange(200) < 195, 0.9, 0.5)
    assert no_call_threshold(even, right, 0.12) == 0.9


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
    save_bundle(bundle.model, bundle.card, tmp_path / "new", {CALIBRATION: made.encoded()})
    loaded = load_bundle(tmp_path / "new")
    assert read_calibration(loaded) == made
    assert other_parts(loaded)[CALIBRATION] == made.encoded()
    back = held_out_from_dict(read_calibration(loaded).held_out, "bundle")  # type: ignore[union-attr]
    assert back.counts.tolist() == answers.counts.tolist()
    assert back.counts.sum() == 900


def some(bundle: Bundle) -> Calibration:
    return Calibration(
        bundle.card.weights_sha256, "x", 100, 2.0, 0.9, dict.fromkeys(KNOWN, 0.3), 0.05, 0.6, {}
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"temperature": -1}, "temperature is out of range"),
        ({"temperature": "2"}, "temperature is out of range"),
        ({"least": {"XXX": 0.1}}, "unknown class"),
        ({"no_call": 1.5}, "no_call"),
        ({"extra": 1}, "extra is missing or unknown"),
        ({"weights_sha256": "0" * 64}, "other weights"),
        ({"format": 9}, "this version"),
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(
    bundle: Bundle, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    content = {**json.loads(some(bundle).encoded()), **change}
    part = {CALIBRATION: json.dumps(content).encode()}
    save_bundle(bundle.model, bundle.card, tmp_path / "b", part)
    with pytest.raises(InputError, match=said):
        read_calibration(load_bundle(tmp_path / "b"))


def test_a_torn_calibration_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(
        bundle.model, bundle.card, tmp_path / "b", {CALIBRATION: some(bundle).encoded()[:40]}
    )
    with pytest.raises(InputError, match="not JSON"):
        read_calibration(load_bundle(tmp_path / "b"))


def test_sets_and_no_calls_of_a_table(bundle: Bundle) -> None:
    predictions = pl.DataFrame({
        "p_BLA": [0.5, 0.2, None], "p_LYT": [0.35, 0.25, None], "p_EOS": [0.15, 0.28, None],
        "p_NGS": [0.0, 0.27, None], "confidence": [0.5, 0.28, None],
    })  # fmt: skip
    result = with_decisions(predictions, replace(some(bundle), no_call=0.4))
    assert result["prediction_set"].to_list() == ["BLA;LYT", "", None]
    assert result["no_call"].to_list() == [False, True, None]
    unknown = with_decisions(predictions, replace(some(bundle), no_call=None))
    assert unknown["no_call"].to_list() == [None, None, None]


def test_an_engine_gives_tempered_probabilities(bundle: Bundle) -> None:
    class Fixed:
        name, classes, batch_size = "fixed", KNOWN, 32

        def probabilities(self, images: np.ndarray) -> np.ndarray:
            return np.tile(np.array([0.64, 0.16, 0.16, 0.04], np.float32), (len(images), 1))

    engine = CalibratedEngine(Fixed(), some(bundle))
    found = engine.probabilities(np.zeros((2, 250, 250, 3), np.uint8))
    np.testing.assert_allclose(found[1], np.array([8, 4, 4, 2]) / 18, atol=1e-6)
    begun = engine.begin(np.zeros((2, 250, 250, 3), np.uint8))
    np.testing.assert_array_equal(begun(), found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.head(10), "at least 50"),
        (lambda rows: rows.with_columns(prediction_set=pl.lit("NGS")), "calibrated already"),
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
