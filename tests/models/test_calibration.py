"""The calibration part of a bundle: read, applied, refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.errors import InputError
from marrowscope.models import create
from marrowscope.models.bundle import CALIBRATION, Bundle, load_bundle
from marrowscope.models.bundle_writer import rewrite_bundle, save_bundle
from marrowscope.models.calibration import Calibration, read_calibration, tempered
from marrowscope.models.card import Card
from marrowscope.models.novelty import Novelty
from support.stated_probabilities import KNOWN


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    save_bundle(create("sequential", len(KNOWN)), Card("toy", "sequential", KNOWN, KNOWN), folder)
    return load_bundle(folder)


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
    rewrite_bundle(bundle, bundle.card, tmp_path / "b", part)
    with pytest.raises(InputError, match=said):
        read_calibration(load_bundle(tmp_path / "b"))


def test_a_torn_calibration_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    rewrite_bundle(bundle, bundle.card, tmp_path / "b", {CALIBRATION: some(bundle).encoded()[:40]})
    with pytest.raises(InputError, match="not JSON"):
        read_calibration(load_bundle(tmp_path / "b"))


NOVELTY = Novelty(KNOWN, ((1.0,) * 4,) * 4, (((0.0,) * 4,) * 4,) * 4, (0.0,) * 4, 0.99, 1.0, 100)


def test_what_tells_novel_cells_is_stored_with_it_and_a_wrong_one_is_refused(
    bundle: Bundle, tmp_path: Path
) -> None:
    assert "novelty" not in json.loads(some(bundle).encoded())
    whole = replace(some(bundle), novelty=NOVELTY)
    rewrite_bundle(bundle, bundle.card, tmp_path / "b", {CALIBRATION: whole.encoded()})
    assert read_calibration(load_bundle(tmp_path / "b")) == whole
    content = json.loads(whole.encoded())
    content["novelty"]["limit"] = -1
    rewrite_bundle(bundle, bundle.card, tmp_path / "c", {CALIBRATION: json.dumps(content).encode()})
    with pytest.raises(InputError, match="limit is out of range; run 'marrowscope model calibrate"):
        read_calibration(load_bundle(tmp_path / "c"))
