"""A shipped model gets a calibration from a table in memory or on disk."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import marrowscope as ms
from marrowscope.report.evaluation_figures import calibration_figure
from support.predictions import predictions

MODEL = "sequential-mll7"


@pytest.fixture(scope="module")
def held_out() -> pl.DataFrame:
    return predictions(140, codes=ms.model_cards()[MODEL].known)


@pytest.fixture(scope="module")
def made(held_out: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> ms.CalibratedModel:
    return ms.calibrate_model(MODEL, held_out, tmp_path_factory.mktemp("models") / "calibrated")


def test_the_new_bundle_is_calibrated_and_the_classes_are_covered(
    made: ms.CalibratedModel,
) -> None:
    model = made.load_model(engine="openvino")
    assert model.calibration is not None
    assert model.calibration.temperature == made.calibration.temperature
    assert made.table["class"].to_list() == list(model.card.known)
    assert made.warnings == ()


def test_novel_cells_are_told_and_named_in_predictions(
    made: ms.CalibratedModel, held_out: pl.DataFrame, tmp_path: Path
) -> None:
    assert made.calibration.novelty is not None
    assert made.calibration.novelty.kept == 0.99
    assert made.to_dict()["novelty_limit"] == made.calibration.novelty.limit > 0
    image = np.zeros((250, 250, 3), np.uint8)
    row = made.load_model(engine="openvino").predict([image])
    assert row["novel"].to_list() == [row["novelty"][0] > made.calibration.novelty.limit]
    few = ms.calibrate_model(MODEL, held_out, tmp_path / "b", kept=0.9999)
    assert few.calibration.novelty is None
    assert any("too few to keep 0.9999" in line for line in few.warnings)


def test_a_table_on_disk_gives_the_same(
    held_out: pl.DataFrame, made: ms.CalibratedModel, tmp_path: Path
) -> None:
    ms.write_cells(held_out, tmp_path / "held.parquet")
    again = ms.calibrate_model(
        MODEL, tmp_path / "held.parquet", tmp_path / "b", figure=tmp_path / "reliability.png"
    )
    assert again.calibration.source == "held.parquet"
    assert again.table.equals(made.table)
    assert (tmp_path / "reliability.png").stat().st_size > 1000


def test_what_does_not_fit_is_refused_by_its_argument(
    held_out: pl.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(ms.InputError, match=r"`coverage` 1\.5: give a share"):
        ms.calibrate_model(MODEL, held_out, tmp_path / "b", coverage=1.5)
    with pytest.raises(ms.InputError, match="`kept` 1: give a share"):
        ms.calibrate_model(MODEL, held_out, tmp_path / "b", kept=1)
    with pytest.raises(ms.InputError, match="`held_out`: 20 held-out cells of known class"):
        ms.calibrate_model(MODEL, held_out[:20], tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_cards_and_table_name_the_same_models() -> None:
    assert list(ms.model_cards()) == ms.available_models()["name"].to_list()


def test_of_several_laboratories_each_is_measured(
    held_out: pl.DataFrame, made: ms.CalibratedModel, tmp_path: Path
) -> None:
    names = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("Bonn")).otherwise(pl.lit("Ulm"))
    both = ms.calibrate_model(MODEL, held_out.with_columns(laboratory=names), tmp_path / "both")
    assert both.calibration.temperature == made.calibration.temperature
    assert both.by_laboratory["laboratory"].to_list() == ["Bonn", "Ulm"]
    assert both.by_laboratory["cells"].to_list() == [70, 70]
    kept = both.load_model(engine="openvino").calibration
    assert kept is not None
    assert kept.measured["laboratories"]["Ulm"]["cells"] == 70
    assert made.by_laboratory.height == 0
    panels = calibration_figure(kept, MODEL).axes
    shown = [text.get_text() for text in panels[1].get_legend().get_texts()]
    error = kept.measured["laboratories"]["Ulm"]["ece_after"][0]
    assert f"Ulm, 70 cells: {error:.3f}" in shown
    assert len(shown) == 2
    assert calibration_figure(made.calibration, MODEL).axes[1].get_legend() is None


def test_a_laboratory_gets_a_calibration_of_its_own(held_out: pl.DataFrame, tmp_path: Path) -> None:
    names = pl.when(pl.int_range(pl.len()) < 60).then(pl.lit("Bonn")).otherwise(pl.lit("Ulm"))
    table = held_out.with_columns(laboratory=names)
    own = ms.calibrate_model(MODEL, table, tmp_path / "own", laboratory="Bonn")
    alone = ms.calibrate_model(MODEL, held_out[:60], tmp_path / "alone")
    assert own.calibration.temperature == alone.calibration.temperature
    assert own.calibration.source == "held-out predictions, laboratory Bonn"
    with pytest.raises(ms.InputError, match=r"`laboratory` Graz: no cell .*; there are Bonn, Ulm"):
        ms.calibrate_model(MODEL, table, tmp_path / "no", laboratory="Graz")
    with pytest.raises(ms.InputError, match=r"of that laboratory, it names none"):
        ms.calibrate_model(MODEL, held_out, tmp_path / "no", laboratory="Graz")
    assert not (tmp_path / "no").exists()
