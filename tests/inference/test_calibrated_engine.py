"""An engine with a calibration: tempered probabilities, sets and no-calls."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from marrowscope.inference.calibrated_engine import CalibratedEngine, with_decisions
from marrowscope.models import create
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.calibration import Calibration
from marrowscope.models.card import Card
from marrowscope.models.novelty import Novelty
from support.stated_probabilities import KNOWN

UNIT = tuple(tuple(float(row == column) for column in range(4)) for row in range(4))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    save_bundle(create("sequential", len(KNOWN)), Card("toy", "sequential", KNOWN, KNOWN), folder)
    return load_bundle(folder)


def some(bundle: Bundle) -> Calibration:
    return Calibration(
        bundle.card.weights_sha256, "x", 100, 2.0, 0.9, dict.fromkeys(KNOWN, 0.3), 0.05, 0.6, {}
    )


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


def test_a_table_gets_the_novelty_of_its_cells_where_it_was_fitted(bundle: Bundle) -> None:
    # All four classes lie at equal probabilities; classes are named in another order.
    novelty = Novelty(KNOWN[::-1], ((0.0,) * 4,) * 4, (UNIT,) * 4, (0.0,) * 4, 0.99, 1.0, 100)
    table = pl.DataFrame({
        "p_BLA": [0.25, 0.97, None], "p_LYT": [0.25, 0.01, None], "p_EOS": [0.25, 0.01, None],
        "p_NGS": [0.25, 0.01, None], "confidence": [0.25, 0.97, None],
    })  # fmt: skip
    found = with_decisions(table, replace(some(bundle), novelty=novelty))
    assert found["novel"].to_list() == [False, True, None]
    # ln 97 = 4.575 above the others: (3, -1, -1, -1) / 4 of it, of length 4.575 · √12 / 4.
    assert found["novelty"].to_list() == [0, pytest.approx(3.962, abs=1e-3), None]
    assert "novelty" not in with_decisions(table, some(bundle)).columns
